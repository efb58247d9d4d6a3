"""Settings of blocks, loops and variables."""
