"""The internal door: it only translates."""
