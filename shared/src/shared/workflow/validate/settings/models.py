"""Model names that no provider is likely to serve."""

import re
from collections.abc import Iterator, Mapping, Set
from functools import cache
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.models import model_providers
from shared.workflow.format.model_names import provider_of, suggested_model
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.settings.literals import shown

_WORD: Final = re.compile(r"[a-z]{4,}")
_VERSION_MARK: Final = re.compile(r"(?<=[0-9])[.-](?=[0-9])")
_CURLY_QUOTES: Final = "“”„‘’"
"""Quotes of word processors, which YAML reads as letters."""
_SHORT_WORD: Final = 4
"""A word of so few letters that has another one may be new."""
_NAMED_HERE: Final = frozenset({"openai", "anthropic", "google"})
"""Providers with the same names on all servers."""


def misspelled_models(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each model name that looks like a misspelled provider or model family."""
    used = _listed_models(state)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        model = block.value("model")
        if spec is None or not any(setting.id == "model" for setting in spec.sub_blocks):
            continue
        if model is None or not state.is_enabled(block.id):
            continue
        if not isinstance(model, str):
            hint = " Write its other settings beside model." if isinstance(model, dict) else ""
            message = f"{block.name}: model must be the name of a model, not {shown(model)}.{hint}"
            yield warning(ProblemCode.INVALID_SETTING, message, block, ("model",))
            continue
        if not parse_text(model).is_literal:
            continue
        name, cause = model.strip(), f'no provider is known for the model "{model}"'
        unquoted = name.strip(_CURLY_QUOTES)
        suggestion = unquoted if unquoted != name else suggested_model(name)
        if suggestion is None and model not in used:
            cause = f'the model "{model}" is not listed'
            suggestion = next((each for each in used if _is_misspelled(model.lower(), each.lower())), None)
            cause += f', and "{suggestion}" of "{used[suggestion]}" is' if suggestion else ""
            suggestion = suggestion or _listed_spelling(name.lower())
        if suggestion:
            message = f"{block.name}: {cause}.{did_you_mean(suggestion)}"
            yield warning(ProblemCode.UNKNOWN_MODEL, message, block, ("model",), suggestion=suggestion)


def _listed_models(state: WorkflowState) -> Mapping[str, str]:
    """Return the names of the first blocks with each model that a provider lists."""
    listed = {model.id for provider in model_providers() for model in provider.models}
    used: dict[str, str] = {}
    for block in state.blocks.values():
        model = block.value("model")
        if isinstance(model, str) and model in listed:
            used.setdefault(model, block.name)
    return used


def _listed_spelling(model: str) -> str | None:
    """Return a name with the words, and the version as written, of the provider's listed models; None if it has them.

    Versions and words unlike the listed ones may be new.
    """
    listed = _listed_of(provider_of(model)) if "/" not in model and ":" not in model else frozenset()
    if not listed or model in listed:
        return None
    plain = _VERSION_MARK.sub("-", model)
    if same := next((each for each in sorted(listed) if _VERSION_MARK.sub("-", each) == plain), None):
        return same
    words = {word for each in listed for word in _WORD.findall(each)}
    spelled = _WORD.sub(lambda match: _meant_word(match[0], words), model)
    return spelled if spelled != model else None


@cache
def _listed_of(provider: str) -> Set[str]:
    found = (each for each in model_providers() if each.id == provider and provider in _NAMED_HERE)
    return frozenset(model.id for each in found for model in each.models)


def _meant_word(word: str, words: Set[str]) -> str:
    near = [each for each in sorted(words) if word not in words and _is_misspelled(word, each)]
    return next(
        (
            each
            for each in near
            if sorted(each) == sorted(word)
            or (len(word) > _SHORT_WORD and (each[0], each[-1]) == (word[0], word[-1]))  # others may be new
        ),
        word,
    )


def _is_misspelled(model: str, listed: str) -> bool:
    """Return whether a name differs by one letter, or two exchanged ones, that no version has.

    Versions have other digits, and other letters after them or at the end of a word.
    """
    if len(model) == len(listed):
        pairs = [(one, other) for one, other in zip(model, listed, strict=True) if one != other]
        are_letters = all(one.isalpha() and other.isalpha() for one, other in pairs)
        is_exchanged = len(pairs) == 2 and pairs[0] == pairs[1][::-1]
        return are_letters and (len(pairs) == 1 or is_exchanged)
    shorter, longer = sorted((model, listed), key=len)
    at = next((i for i, letter in enumerate(shorter) if letter != longer[i]), len(shorter))
    is_within_word = 0 < at < len(longer) - 1 and longer[at - 1 : at + 2].isalpha()
    return longer[:at] + longer[at + 1 :] == shorter and is_within_word
