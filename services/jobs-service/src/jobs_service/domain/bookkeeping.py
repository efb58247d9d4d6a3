"""What the books must say: what was counted, and what batches that are under way have taken already."""

from collections import Counter
from collections.abc import Mapping, Sequence

from jobs_service.domain.capacity import Ledger, Offer


def differences(ledgers: Mapping[str, Ledger], counted: Mapping[str, int], offers: Sequence[Offer]) -> dict[str, int]:
    """What is to be added to each ledger.

    A batch under way may have taken its places and not stored its runs yet; while there is one, places are only given
    back, and never those that it may hold.
    """
    offered: Counter[str] = Counter()
    for offer in offers:
        offered.update(offer.places)
    found = {}
    for name in sorted({*ledgers, *counted}):
        said = ledgers[name].queued if name in ledgers else 0
        missing = _missing(said, counted.get(name, 0), offered[name])
        if missing:
            found[name] = missing
    return found


def overall_difference(
    overall: Ledger, ledgers: Mapping[str, Ledger], corrections: Mapping[str, int], offers: Sequence[Offer]
) -> int:
    """What is to be added to the ledger for all, once the others are corrected."""
    right = sum(ledger.queued for ledger in ledgers.values()) + sum(corrections.values())
    return _missing(overall.queued, right, sum(offer.total for offer in offers))


def _missing(said: int, counted: int, offered: int) -> int:
    missing = counted + offered - said
    return min(0, missing) if offered else missing
