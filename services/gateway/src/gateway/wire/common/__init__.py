"""What API generations share: bodies, presenters, routes' helpers."""
