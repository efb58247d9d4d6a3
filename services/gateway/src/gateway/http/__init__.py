"""Shared parts of routes: access, errors, bodies, CORS, request ids."""
