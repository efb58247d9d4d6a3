"""The executor's doors: runs come in as broker messages."""
