"""OpenAI-compatible API: a model is a workflow."""
