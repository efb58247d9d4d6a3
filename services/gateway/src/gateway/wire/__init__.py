"""The API generations: legacy, v1 and v2."""
