"""What every Flowport service shares. It holds no business rules but the workflow format."""
