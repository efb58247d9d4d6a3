"""Changes that let an imported draft run here."""
