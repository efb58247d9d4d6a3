"""Secrets in plain text, where everyone who may read the workflow reads them."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.js_values import Json
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import texts
from shared.workflow.validate.settings.literals import setting_warning

_READ: Final = frozenset({"headers", "params", "url"})
"""Settings that hold secrets beside those that are one. Prompts and code may have examples."""
_FORMS: Final = (
    r"sk-(?=[\w-]{32})[\w-]{0,24}?(?=[A-Za-z]*[0-9])(?=[0-9]*[A-Za-z])[A-Za-z0-9]{16,}[\w-]*+",  # OpenAI and others
    r"[sr]k_live_[A-Za-z0-9]{16,}",
    r"whsec_[A-Za-z0-9+/]{12,}",
    r"gh[oprsu]_[A-Za-z0-9]{30,}",
    r"github_pat_\w{30,}",
    r"glpat-[\w-]{20,}",
    r"xox[abprs]-[0-9][\w-]{16,}",
    r"gsk_[A-Za-z0-9]{30,}",
    r"hf_[A-Za-z0-9]{30,}",
    r"SG\.[\w-]{16,}\.[\w-]{16,}",
)
_SECRET: Final = re.compile(rf"(?<![\w./-])(?:{'|'.join(_FORMS)})(?![\w-])")
"""Secret of a well-known service, in its real length."""
_DIGIT: Final = re.compile(r"[0-9]")
_RANDOM: Final = re.compile(r"(?=[^0-9]*[0-9])(?=[^A-Za-z]*[A-Za-z])[\w+=-]{24,}")
"""Value of a setting that is a secret: short ones may be a local server's, which accepts any."""
_PLACEHOLDER: Final = re.compile(
    r"example|sample|dummy|fake|mock|test|demo|placeholder|change|replace|your|insert|secret|key|token|local|none|unused"
    r"|xxx|\.\.\.|(?P<one>\w)(?P=one){4}",
    re.IGNORECASE,
)
_SHOWN: Final = 6
"""Characters of a secret that a message may have."""


def plain_secrets(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each setting and each variable with such a secret."""
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or not state.is_enabled(block.id):
            continue
        for setting in effective_settings(block, spec):
            is_secret = setting.password
            if (is_secret or setting.id in _READ) and (text := _problem(block.value(setting.id), is_secret=is_secret)):
                yield setting_warning(block, setting.id, f"{setting.id} {text}")
    for variable in state.variables.values():
        if text := _problem(variable.value):
            message = f'The value of the variable "{variable.name}" {text}.'
            yield warning(ProblemCode.INVALID_INPUT_FIELD, message, fields=("variables", variable.name))


def _problem(value: Json, *, is_secret: bool = False) -> str | None:
    """Return the problem of a value that has a secret, without the secret itself."""
    for text in texts(value):
        found = [match[0] for match in _SECRET.finditer(text) if _DIGIT.search(match[0])]
        if is_secret and not found and _RANDOM.fullmatch(text.strip()):
            found = [text.strip()]
        if secret := next((each for each in found if not _PLACEHOLDER.search(each)), None):
            fix = "Store it with `flowport secrets set NAME`, and write {{NAME}} in its place"
            return f'has a secret in plain text, "{secret[:_SHOWN]}…". {fix}'
    return None
