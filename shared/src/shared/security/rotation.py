"""Key rotation: re-encrypt with the first key, so that older keys can be removed."""

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
    """An encrypted value stored under `id`, with its workspace and name."""

    id: str
    workspace_id: str
    name: str
    sealed: Sealed


class SealedValues(Protocol):
    """Stored encrypted values of one kind."""

    async def sealed_with_other_keys(self, key_id: str, after: str, limit: int) -> Sequence[SealedValue]:
        """Return up to `limit` values encrypted with other keys, by id, after the id `after`."""

    async def reseal(self, value: SealedValue, sealed: Sealed) -> None:
        """Store the new value, unless the old one has changed."""


class KeyRotation:
    """Re-encrypts values of older keys with the first key at startup; older keys can then be removed."""

    def __init__(self, values: SealedValues, keys: AesGcmKeyRing) -> None:
        self._values = values
        self._keys = keys

    async def start(self) -> None:
        """Re-encrypt everything readable, in one pass; log and skip the rest."""
        active = self._keys.active_key_id
        if active is None:
            return
        resealed, after = 0, ""
        while batch := await self._values.sealed_with_other_keys(active, after, BATCH):
            resealed += sum([await self._reseal(value) for value in batch])
            after = batch[-1].id
        if resealed:
            log.info("secrets_reencrypted", count=resealed, setting=self._keys.setting, key_id=active)

    async def stop(self) -> None:
        """Do nothing: the rotation ends in `start`."""

    async def _reseal(self, value: SealedValue) -> bool:
        place = {"workspace_id": value.workspace_id, "name": value.name}
        try:
            opened = self._keys.open(value.sealed, **place)
        except Unavailable as error:
            log.error("secret_decrypt_failed", **place, key_id=value.sealed.key_id, error=error.message)
            return False
        await self._values.reseal(value, self._keys.seal(opened, **place))
        return True
