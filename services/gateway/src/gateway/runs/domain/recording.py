"""Which runs are recorded."""

from shared.contracts.deployments import Endpoint
from shared.contracts.recording_policy import RecordRun


def record_run(endpoint: Endpoint, chance: float) -> RecordRun | None:
    """Return how to record the next run of a workflow; None if it is not recorded. `chance` is random, from 0 to 1."""
    policy = endpoint.recording
    if policy is None or not endpoint.stores_data:
        return None
    is_sampled = chance < policy.sample
    if not is_sampled and not policy.failures:
        return None
    return RecordRun(policy.days, endpoint.revision, only_failure=not is_sampled)
