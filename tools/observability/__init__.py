"""What is written from one source for Grafana and Kubernetes; `make docs` writes it."""
