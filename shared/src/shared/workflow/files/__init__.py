"""Workflow files that people write: YAML, blocks by name (ADR 42)."""
