"""Client of Flowport's public API: profiles, calls, streams and errors."""
