"""HTTP as every service does it: one application factory, guards, the internal door and its client."""
