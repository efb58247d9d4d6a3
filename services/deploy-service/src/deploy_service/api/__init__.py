"""The internal API, which only translates."""
