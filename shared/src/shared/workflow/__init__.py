"""The workflow format, parsed in one place for every service. It executes nothing.

The stored original is the raw JSON document with its key order; `reading.read_state` turns one into typed models.
"""
