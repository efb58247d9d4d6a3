"""The public door, as commands use it: where it is, with which key, and what its answers mean."""
