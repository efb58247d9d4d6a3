"""Workflows as tools of MCP servers."""
