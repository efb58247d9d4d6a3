"""Key rotation: values under another key are re-encrypted, and unreadable values delay nothing."""

from collections.abc import Sequence
from dataclasses import replace

from tests.support.deploy import key

from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.rotation import BATCH, KeyRotation, SealedValue
from shared.security.sealed import Sealed

OLD, LOST = (AesGcmKeyRing.parse(key(name)) for name in ("old", "lost"))
RING = AesGcmKeyRing.parse(f"{key('new')},{key('old')}")


class Values:
    """Some values, and how often they were read."""

    def __init__(self, *values: SealedValue) -> None:
        self.by_id = {value.id: value for value in values}
        self.rounds = 0

    async def sealed_with_other_keys(self, key_id: str, after: str, limit: int) -> Sequence[SealedValue]:
        """Return the values that another key sealed."""
        self.rounds += 1
        found = [each for each in self.by_id.values() if each.sealed.key_id != key_id and each.id > after]
        return sorted(found, key=lambda each: each.id)[:limit]

    async def reseal(self, value: SealedValue, sealed: Sealed) -> None:
        """Replace the value."""
        self.by_id[value.id] = replace(value, sealed=sealed)

    def keys(self) -> list[str]:
        """Return the keys that open them, in order."""
        return [self.by_id[name].sealed.key_id for name in sorted(self.by_id)]


def sealed(ring: AesGcmKeyRing, number: int) -> SealedValue:
    """Return the value of a place."""
    name = f"{number:05d}"
    return SealedValue(name, "ws", name, ring.seal(f"value {name}", workspace_id="ws", name=name))


async def test_values_sealed_with_another_key_are_reencrypted_unchanged() -> None:
    values = Values(*(sealed(OLD, number) for number in range(BATCH + 1)), sealed(RING, BATCH + 1))
    await KeyRotation(values, RING).start()
    assert set(values.keys()) == {"new"}
    only_new = AesGcmKeyRing.parse(key("new"))
    for name, value in values.by_id.items():
        assert only_new.open(value.sealed, workspace_id="ws", name=name) == f"value {name}"


async def test_unreadable_values_are_left_and_read_once() -> None:
    lost = [sealed(LOST, number) for number in range(BATCH)]
    values = Values(*lost, sealed(OLD, BATCH))
    await KeyRotation(values, RING).start()
    assert values.keys() == ["lost"] * BATCH + ["new"]
    assert values.rounds == 3


async def test_without_keys_there_is_nothing_to_do() -> None:
    values = Values(sealed(OLD, 0))
    await KeyRotation(values, AesGcmKeyRing.parse("")).start()
    assert (values.keys(), values.rounds) == (["old"], 0)
