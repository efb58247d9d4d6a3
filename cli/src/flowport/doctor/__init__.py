"""What `flowport doctor` looks at. Every check says what it found, and what to do about it."""
