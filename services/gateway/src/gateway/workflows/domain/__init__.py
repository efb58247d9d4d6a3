"""Interface, OpenAPI document and code samples of a workflow."""
