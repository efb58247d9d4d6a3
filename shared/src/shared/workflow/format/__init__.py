"""The workflow format: models, references, and how a state is read."""
