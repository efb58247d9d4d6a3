"""Code that runs inside the jail.

It imports only the standard library and itself, so that a forked child is small and contains no secrets.
"""
