"""Why the gateway refuses a call or loses a run, beside the errors that every service has."""
