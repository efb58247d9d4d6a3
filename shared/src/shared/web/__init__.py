"""HTTP for every service: application factory, middleware, internal authorization, client between services."""
