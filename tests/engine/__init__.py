"""The images and deploy/compose.yaml on a real Docker engine, which this package starts and removes."""
