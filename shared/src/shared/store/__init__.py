"""The document store: MongoDB through PyMongo's async client, always majority and journaled."""
