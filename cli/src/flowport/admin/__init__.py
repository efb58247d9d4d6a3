"""Administration of the broker topology and the store's indexes."""
