"""Cancel runs, one or many, also before they are known."""
