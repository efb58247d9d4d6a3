"""Features besides running workflows, one folder each."""
