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
