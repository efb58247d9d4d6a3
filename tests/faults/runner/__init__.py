"""`make faults`: the fault scenarios at full length, on the real system, each with the figures that judge it."""
