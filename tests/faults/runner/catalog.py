"""Every scenario, in order of execution."""

from typing import Final

from tests.faults.runner import brokers, cluster, killing, providers, services, versions, workers
from tests.faults.runner.figures import Scenario

SCENARIOS: Final[tuple[Scenario, ...]] = (
    *killing.SCENARIOS,
    *services.SCENARIOS,
    *workers.SCENARIOS,
    *providers.SCENARIOS,
    *versions.SCENARIOS,
    *brokers.SCENARIOS,
    *cluster.SCENARIOS,
)
NAMES: Final = tuple(scenario.name for scenario in SCENARIOS)
