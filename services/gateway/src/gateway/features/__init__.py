"""One folder for each feature beside running workflows."""
