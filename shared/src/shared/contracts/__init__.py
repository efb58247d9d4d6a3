"""Contracts between services: broker messages and internal HTTP bodies.

Compatibility is permanent: messages outlive the process, and the version, that sent them. Fields are only ever added,
with a default; a field that changes its meaning gets a new name.
"""
