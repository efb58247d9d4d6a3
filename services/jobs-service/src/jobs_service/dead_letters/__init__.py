"""Messages that no worker could process, and their redrive."""
