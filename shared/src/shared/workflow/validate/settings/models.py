"""Model names that no provider is likely to serve."""

from collections.abc import Iterator

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.format.model_names import suggested_model
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import parse_text
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.settings.literals import shown


def misspelled_models(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each model name that looks like a misspelled provider or model family."""
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
