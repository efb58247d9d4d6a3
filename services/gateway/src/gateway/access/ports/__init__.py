"""Ports of the gateway's own data: accounts, keys, workspaces, buckets, audit."""
