"""What fault tests are made of: an outside witness, load whose every answer is kept, and a look into the journal."""
