"""The console in a real browser: one stack, which all of these tests share."""
