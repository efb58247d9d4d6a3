"""Cases that run through the engine and through the whole system: one stack, which all of these tests share."""
