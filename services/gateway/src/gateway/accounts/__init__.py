"""Sign-in, sessions and invitations."""
