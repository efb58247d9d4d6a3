"""Mistakes in JavaScript, in Python and in conditions."""
