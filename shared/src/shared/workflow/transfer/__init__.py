"""Import and export of workflow files."""
