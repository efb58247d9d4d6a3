"""Sums of blocks' model costs."""

from shared.contracts.runs import Usage


def add_usage(total: Usage, more: Usage) -> Usage:
    """Return the sum."""
    if more == Usage():
        return total
    models = {name: dict(counts) for name, counts in total.models.items()}
    for name, counts in more.models.items():
        known = models.setdefault(name, {})
        for key, count in counts.items():
            known[key] = known.get(key, 0) + count
    return Usage(
        total.input_tokens + more.input_tokens,
        total.output_tokens + more.output_tokens,
        total.cost_usd + more.cost_usd,
        models,
    )


class UsageCounter:
    """Costs of one block so far, whatever its result and number of attempts."""

    def __init__(self) -> None:
        self.total = Usage()

    def add(self, more: Usage) -> None:
        """Add a cost."""
        self.total = add_usage(self.total, more)
