"""Model names that no provider is likely to serve."""

from collections.abc import Iterator, Mapping

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.catalog.models import model_providers
from shared.workflow.format.model_names import suggested_model
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.settings.literals import shown


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
        if suggestion := suggested_model(model.strip()):
            message = f'{block.name}: no provider is known for the model "{model}".{did_you_mean(suggestion)}'
            yield warning(ProblemCode.UNKNOWN_MODEL, message, block, ("model",), suggestion=suggestion)
        elif model not in used and (
            near := next((each for each in used if _is_misspelled(model.lower(), each.lower())), None)
        ):
            cause = f'the model "{model}" is not listed, and "{near}" of "{used[near]}" is'
            message = f"{block.name}: {cause}.{did_you_mean(near)}"
            yield warning(ProblemCode.UNKNOWN_MODEL, message, block, ("model",), suggestion=near)


def _listed_models(state: WorkflowState) -> Mapping[str, str]:
    """Return the names of the first blocks with each model that a provider lists."""
    listed = {model.id for provider in model_providers() for model in provider.models}
    used: dict[str, str] = {}
    for block in state.blocks.values():
        model = block.value("model")
        if isinstance(model, str) and model in listed:
            used.setdefault(model, block.name)
    return used


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
