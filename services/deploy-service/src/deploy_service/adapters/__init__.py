"""Where things are kept and told: MongoDB, AES-GCM, the control bus."""
