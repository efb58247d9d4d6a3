"""Publications of workflows: what chats, agents and tool servers have in common."""
