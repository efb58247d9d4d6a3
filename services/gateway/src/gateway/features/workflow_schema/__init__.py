"""JSON Schema of workflow files."""
