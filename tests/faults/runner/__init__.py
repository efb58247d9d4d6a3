"""`make faults`: the faults at full length, on the real system, each with the figure that it is judged by."""
