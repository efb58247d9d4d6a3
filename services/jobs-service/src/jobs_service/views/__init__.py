"""Views of runs: single runs, lists, logs."""
