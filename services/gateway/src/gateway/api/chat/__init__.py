"""Chats: workflows that people talk to at an address of their own."""
