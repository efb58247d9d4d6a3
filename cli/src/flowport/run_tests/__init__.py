"""Tests made of recorded runs, run offline."""
