"""`make kube-check`: Flowport's manifests on the cluster of kubectl's current context."""
