"""`/api/workspaces` and what belongs to one: members, invitations, API keys, environment values, the audit log."""
