"""Values too large for a document."""
