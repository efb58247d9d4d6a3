"""The rules of runs: what may follow what, who may claim, who is next, and when the queue is full."""
