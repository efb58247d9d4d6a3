"""Secrets in plain text, where everyone who may read the workflow reads them."""

import re
from collections.abc import Iterator
from typing import Final

from shared.contracts.problems import ProblemCode
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.js_values import Json
from shared.workflow.format.references import texts
from shared.workflow.validate.findings import Checked, Finding, Rule

_READ: Final = frozenset({"headers", "params", "url", "body"})
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


def _secrets(checked: Checked) -> Iterator[Finding]:
    state = checked.workflow.state
    for key, compiled in checked.workflow.blocks.items():
        for setting in effective_settings(compiled.block, compiled.spec) if state.is_enabled(key) else ():
            if setting.password or setting.id in _READ:
                text = _problem(compiled.block.value(setting.id), is_secret=setting.password)
                if text:
                    yield Finding(f"{setting.id} {text}", compiled.block, (setting.id,))
    for variable in state.variables.values():
        if text := _problem(variable.value):
            yield Finding(f'The value of the variable "{variable.name}" {text}', fields=("variables", variable.name))


def _problem(value: Json, *, is_secret: bool = False) -> str | None:
    """Return the problem of a value that has a secret, without the secret itself."""
    for text in texts(value):
        found = [match[0] for match in _SECRET.finditer(text) if _DIGIT.search(match[0])]
        if is_secret and not found and _RANDOM.fullmatch(text.strip()):
            found = [text.strip()]
        if secret := next((each for each in found if not _PLACEHOLDER.search(each)), None):
            fix = "Store it with `flowport secrets set NAME`, and write {{NAME}} in its place."
            return f'has a secret in plain text, "{secret[:_SHOWN]}…". {fix}'
    return None


RULES: Final = (
    Rule(
        ProblemCode.PLAIN_SECRET,
        "No secret is in a workflow in plain text.",
        "headers: {Authorization: Bearer ghp_16C7e42F292c6912E7710c838347Ae178B4a}",
        _secrets,
    ),
)
