"""Repairs of failed runs: new runs that continue their journals."""
