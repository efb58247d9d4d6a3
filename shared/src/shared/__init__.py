"""Code shared by all Flowport services. Its only business rules are the workflow format."""
