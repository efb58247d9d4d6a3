"""Workflows, handlers and a model of the rules for tests of the engine."""
