"""Queue of durable runs: admission within capacity, fair dispatch."""
