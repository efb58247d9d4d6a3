"""Building blocks of fault tests: an outside witness, load that records every answer, and access to the journal."""
