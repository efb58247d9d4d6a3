"""Run execution: fetch what a run needs, execute it, report it."""
