"""Cases that run through the engine and through the whole system: one stack, which stands while these tests run."""
