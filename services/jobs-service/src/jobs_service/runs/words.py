"""Words of a run's values, hashed for the search index.

An index of hashes finds whole words without storing them. The workspace keys the hashes, so that those of two
workspaces cannot be compared.
"""

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Final
from unicodedata import normalize

import msgspec

from shared.contracts.block_logs import BlockLog
from shared.contracts.outcomes import RunOutcome

MAX_WORDS: Final = 256
"""Distinct words of one run."""
MAX_WORD_CHARS: Final = 64
"""Characters of a word; the rest is ignored, in runs and in searches."""
MAX_VALUE_BYTES: Final = 16 * 1024
"""Bytes of one value."""
MAX_SEARCHED: Final = 16
"""Words of one search."""
HASH_BYTES: Final = 6
_KEY_BYTES: Final = 64
_words: Final = re.compile(r"\w{2,}").findall
_escapes: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_has_digit: Final = re.compile(r"\d").search
_encode: Final = msgspec.json.Encoder().encode


@dataclass(frozen=True, slots=True)
class HashedWords:
    """Hashes of a run's distinct words, joined. `is_cut`: some words are missing."""

    hashes: bytes = b""
    is_cut: bool = False


NO_WORDS: Final = HashedWords()


def words_of(workspace_id: str, outcome: RunOutcome, blocks: Sequence[BlockLog]) -> HashedWords:
    """Return the words of a run's error, input and output, with secrets masked as in its log.

    The start block's output is the input.
    """
    values = [] if outcome.error is None else [outcome.error.text.encode()]
    if blocks:
        values.append(_encode(blocks[0].output))
    values.append(bytes(outcome.output.as_logged.inline))
    return hash_values(workspace_id, values)


def hash_values(workspace_id: str, values: Iterable[bytes]) -> HashedWords:
    """Return the words of JSON values: of too many, those with digits first, since these identify a run."""
    found: dict[str, None] = {}
    is_cut = False
    for value in values:
        is_cut = is_cut or len(value) > MAX_VALUE_BYTES
        text = value[:MAX_VALUE_BYTES].decode(errors="ignore")
        found.update(dict.fromkeys(_words(_normalized(_escapes.sub(" ", text) if "\\" in text else text))))
    words = [*found]
    if len(words) > MAX_WORDS:
        is_cut = True
        words = sorted(words, key=lambda word: _has_digit(word) is None)[:MAX_WORDS]
    return HashedWords(b"".join(_hashes(workspace_id, words)), is_cut) if words else NO_WORDS


def hash_search(workspace_id: str, text: str) -> Sequence[bytes]:
    """Return the hashes of the words to search for; none if `text` contains no word."""
    return _hashes(workspace_id, [*dict.fromkeys(_words(_normalized(text)))][:MAX_SEARCHED])


def _normalized(text: str) -> str:
    return text.lower() if text.isascii() else normalize("NFKC", text).lower()


def _hashes(workspace_id: str, words: Iterable[str]) -> list[bytes]:
    keyed = blake2b(digest_size=HASH_BYTES, key=workspace_id.encode()[:_KEY_BYTES])
    hashes: list[bytes] = []
    for word in words:
        hashing = keyed.copy()
        hashing.update(word[:MAX_WORD_CHARS].encode())
        hashes.append(hashing.digest())
    return hashes
