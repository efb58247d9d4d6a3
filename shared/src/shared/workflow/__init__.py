"""The workflow format: the one reading of it that every service shares. It reads workflows and runs nothing.

The stored truth is the raw JSON document, its key order kept; `reading.read_state` turns one into typed models.
"""
