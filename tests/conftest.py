"""Fixtures that every area shares, each from one module of tests/support; and profiles of property tests."""

import gc

from hypothesis import HealthCheck, settings

import shared.observe.plain_structlog  # noqa: F401 - before a test imports structlog itself
from shared.garbage_collection import GC_THRESHOLD

pytest_plugins = [
    "tests.support.failed_fixtures",
    "tests.support.lazy_routes",
    "tests.support.ports",
    "tests.support.rabbitmq",
    "tests.support.route_caches",
    "tests.support.secantus",
    "tests.support.mongodb_rules",
    "tests.support.measured",
    "tests.support.service_logs",
    "tests.support.side_by_side",
]

# Neither a deadline nor the health check of slow inputs: both fail where other work keeps the machine busy.
settings.register_profile("usual", deadline=None, max_examples=50, suppress_health_check=[HealthCheck.too_slow])
settings.register_profile("full", settings.get_profile("usual"), max_examples=2_000)
settings.load_profile("usual")

# Importing and collecting the tests leaves almost no garbage, and creates objects that each collection would traverse.
gc.disable()


def pytest_collection_finish() -> None:
    """Freeze imported objects: collections that traverse them take a third of the time."""
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)
    gc.enable()
