"""What blocks spend on models, added up."""

from shared.contracts.usage import Usage


def add_usage(total: Usage, more: Usage) -> Usage:
    """Two spends together."""
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


class Spending:
    """What one block has spent so far: it counts however the block ends, and however often it was tried."""

    def __init__(self) -> None:
        self.total = Usage()

    def add(self, more: Usage) -> None:
        """Something was spent."""
        self.total = add_usage(self.total, more)
