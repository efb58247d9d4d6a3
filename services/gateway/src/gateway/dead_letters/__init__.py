"""Dead letters and their redrive."""
