"""What can be asked of deploy-service: each use case joins the rules with the ports."""
