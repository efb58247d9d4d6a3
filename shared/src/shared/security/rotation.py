"""Changing keys: what another key seals is sealed anew with the first one, and then the other can go."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Protocol

from shared.errors import Unavailable
from shared.observe.logging import get_logger
from shared.security.aes_gcm import AesGcmKeyRing
from shared.security.sealed import Sealed

BATCH: Final = 100
log = get_logger("rotation")


@dataclass(frozen=True, slots=True)
class SealedValue:
    """A sealed value that is kept under `id`, and the place for which it was sealed."""

    id: str
    workspace_id: str
    name: str
    sealed: Sealed


class SealedValues(Protocol):
    """Sealed values of one kind, wherever they are kept."""

    async def sealed_with_other_keys(self, key_id: str, after: str, limit: int) -> Sequence[SealedValue]:
        """Up to `limit` values that another key than this one opens, by their ids, from behind the id `after`."""
        ...

    async def reseal(self, value: SealedValue, sealed: Sealed) -> None:
        """Keep the new seal, if the value still has the old one."""
        ...


class KeyRotation:
    """At start, seals with the first key whatever another key still seals; afterwards the other can go."""

    def __init__(self, values: SealedValues, keys: AesGcmKeyRing) -> None:
        self._values = values
        self._keys = keys

    async def start(self) -> None:
        """Reseal all that can be opened, in one pass; the rest is left as it is, and logged."""
        active = self._keys.active_key_id
        if active is None:
            return
        resealed, after = 0, ""
        while batch := await self._values.sealed_with_other_keys(active, after, BATCH):
            resealed += sum([await self._reseal(value) for value in batch])
            after = batch[-1].id
        if resealed:
            log.info("secrets were sealed anew", count=resealed, setting=self._keys.setting, key_id=active)

    async def stop(self) -> None:
        """Nothing is left running."""

    async def _reseal(self, value: SealedValue) -> bool:
        place = {"workspace_id": value.workspace_id, "name": value.name}
        try:
            opened = self._keys.open(value.sealed, **place)
        except Unavailable as error:
            log.error("a secret cannot be opened", **place, key_id=value.sealed.key_id, error=error.message)
            return False
        await self._values.reseal(value, self._keys.seal(opened, **place))
        return True
