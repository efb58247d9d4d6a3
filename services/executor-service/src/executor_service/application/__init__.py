"""What the executor does with a run: fetch what it needs, run it, report it."""
