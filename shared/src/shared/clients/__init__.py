"""Typed clients of our services, one for each called service: paths, bodies and results of internal HTTP."""
