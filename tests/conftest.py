"""Fixtures that every area shares; each comes from one module of tests/support."""

pytest_plugins = ["tests.support.rabbitmq", "tests.support.secantus"]
