"""Look up, edit, deploy and describe workflows."""
