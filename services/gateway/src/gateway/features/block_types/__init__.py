"""Catalog of block types, for editors."""
