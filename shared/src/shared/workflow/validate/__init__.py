"""Problems of a draft, before it is deployed."""
