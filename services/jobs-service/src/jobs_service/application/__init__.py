"""What jobs-service does: each module one duty, made of rules from `domain` and parts behind `ports`."""
