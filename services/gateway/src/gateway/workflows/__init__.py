"""Workflows as callers and authors use them: endpoints, drafts, deployments, interfaces."""
