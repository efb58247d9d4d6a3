"""Generators of Grafana dashboards and Kubernetes monitoring objects, run by `make docs`."""
