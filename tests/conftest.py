"""Fixtures that every area shares; each comes from one module of tests/support. And how hard property tests try."""

from hypothesis import settings

pytest_plugins = ["tests.support.rabbitmq", "tests.support.secantus", "tests.support.measured"]

settings.register_profile("usual", deadline=None)
settings.register_profile("full", settings.get_profile("usual"), max_examples=2_000)
settings.load_profile("usual")
