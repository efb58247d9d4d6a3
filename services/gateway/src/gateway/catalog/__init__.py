"""What authors choose from: block types, models, the schema of workflow files, conversions."""
