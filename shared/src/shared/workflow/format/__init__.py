"""The workflow format: models, references, and the reader of states."""
