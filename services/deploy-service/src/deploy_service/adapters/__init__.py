"""Adapters: MongoDB, AES-GCM, the control bus."""
