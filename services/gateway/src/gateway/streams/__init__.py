"""Server-sent events: frames, and the responses that write them."""
