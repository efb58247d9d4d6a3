"""Sources of Grafana dashboards and Kubernetes monitoring objects, which `make docs` writes."""
