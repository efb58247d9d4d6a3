"""Callers: each module sends one kind of load and says what its callers saw."""
