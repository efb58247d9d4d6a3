"""Words of a run's values, hashed for the search index.

An index of hashes finds whole words without storing them. The workspace keys the hashes, so that those of two
workspaces cannot be compared.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from hashlib import blake2b
from typing import Final, NamedTuple
from unicodedata import normalize

import msgspec

from shared.contracts.jobs import BlockLog
from shared.contracts.runs import RunOutcome

MAX_WORDS: Final = 256
"""Distinct words of one run."""
MAX_WORD_CHARS: Final = 64
"""Characters of a word; the rest is ignored, in runs and in searches."""
MAX_VALUE_BYTES: Final = 16 * 1024
"""Bytes of one value."""
CACHED_WORDS: Final = 16_384
"""Most words of a run are keys and phrases of its workflow: hashing them again would cost more than all else here."""
MAX_SEARCHED: Final = 16
"""Words of one search."""
HASH_BYTES: Final = 6
_KEY_BYTES: Final = 64
_words: Final = re.compile(r"\w{2,}").findall
_escapes: Final = re.compile(r"\\(?:u[0-9a-fA-F]{4}|.)")
_encode: Final = msgspec.json.Encoder().encode


class HashedWords(NamedTuple):
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
        words = sorted(words, key=str.isalpha)[:MAX_WORDS]
    return HashedWords(b"".join(_hashes(workspace_id, words)), is_cut) if words else NO_WORDS


def hash_search(workspace_id: str, text: str) -> Sequence[bytes]:
    """Return the hashes of the words to search for; none if `text` contains no word."""
    return _hashes(workspace_id, [*dict.fromkeys(_words(_normalized(text)))][:MAX_SEARCHED])


def hash_facts(workspace_id: str, facts: Mapping[str, str]) -> list[bytes]:
    """Return hashes of properties of a run, which differ from those of all words."""
    return _hashes(workspace_id, [f"{name}={value}" for name, value in facts.items()])


def _normalized(text: str) -> str:
    return text.lower() if text.isascii() else normalize("NFKC", text).lower()


def _hashes(workspace_id: str, words: Iterable[str]) -> list[bytes]:
    key = workspace_id.encode()[:_KEY_BYTES]
    return [_hash(key, word[:MAX_WORD_CHARS]) for word in words]  # cut before the cache keeps them


@lru_cache(CACHED_WORDS)
def _hash(key: bytes, word: str) -> bytes:
    return blake2b(word.encode(), digest_size=HASH_BYTES, key=key).digest()
