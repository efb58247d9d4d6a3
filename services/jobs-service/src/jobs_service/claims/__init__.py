"""Claims of workers: start, renew, finish, and expiry of leases."""
