"""The broker and jobs-service behind those ports."""
