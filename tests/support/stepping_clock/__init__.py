"""A wall clock that steps by +30 s and -30 s while the tests run: see __main__.py."""
