"""`/api/auth`: signing in and out, in the words of the library that Sim uses for it."""
