"""Workflow rules. Pure: nothing here waits, stores or sends."""
