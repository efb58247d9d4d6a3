"""Records that executors send of attached runs."""
