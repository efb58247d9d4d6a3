"""Results of finished blocks, for later attempts."""
