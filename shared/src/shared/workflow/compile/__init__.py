"""Compile a snapshot: graph, blocks, references in code."""
