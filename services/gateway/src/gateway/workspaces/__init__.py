"""Settings and state of a workspace: audit log, environment values, queue."""
