"""Fixtures that every area shares, each from one module of tests/support; profiles of property tests, and logging."""

import structlog
from hypothesis import HealthCheck, settings

from shared.garbage_collection import raise_gc_threshold

pytest_plugins = [
    "tests.support.failed_fixtures",
    "tests.support.lazy_routes",
    "tests.support.ports",
    "tests.support.rabbitmq",
    "tests.support.secantus",
    "tests.support.mongodb_rules",
    "tests.support.measured",
    "tests.support.side_by_side",
]

# Neither a deadline nor the health check of slow inputs: both fail where other work keeps the machine busy.
settings.register_profile("usual", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", settings.get_profile("usual"), max_examples=2_000)
settings.load_profile("usual")

# If `rich` is installed, structlog writes tracebacks with it: that takes a third of a second each.
*_processors, _colorful = structlog.get_config()["processors"]
_plain = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
structlog.configure(processors=[*_processors, _plain])


def pytest_collection_finish() -> None:
    """Freeze imported objects: collections that traverse them take a third of the time."""
    raise_gc_threshold()
