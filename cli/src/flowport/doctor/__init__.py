"""Checks of `flowport doctor`. Each reports its finding and a fix."""
