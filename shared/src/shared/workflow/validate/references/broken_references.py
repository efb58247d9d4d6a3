"""Text that is almost a reference or a secret. It stays as typed, which the author seldom intends."""

import re
from collections.abc import Container, Iterator, Mapping, Set
from typing import Final

from shared.contracts.problems import Problem, ProblemCode
from shared.workflow.catalog import Catalog
from shared.workflow.compile.parameters import effective_settings
from shared.workflow.format.input_format import parse_list, read_input_format
from shared.workflow.format.js_values import object_of, to_string
from shared.workflow.format.model_names import needs_key
from shared.workflow.format.models import WorkflowState
from shared.workflow.format.problems import warning
from shared.workflow.format.references import (
    RESERVED_NAMES,
    EnvMarker,
    Reference,
    is_environment_name,
    normalize_name,
    parse_text,
    texts,
)
from shared.workflow.format.suggestions import did_you_mean
from shared.workflow.validate.computed_indexes import computed_indexes
from shared.workflow.validate.settings.input_fields import input_references, inputs_unlike_secrets

_CODE: Final = frozenset({"code", "conditions"})
"""Settings in which `<` and most braces mean something else."""
_PROMPTS: Final = frozenset({"messages", "context", "content"})
"""Settings that need no secret, so that `{{name}}` means an input."""
_VALUES: Final = frozenset({"arguments", "body", "builderData", "data", "inputMapping", "params", "url"})
"""Settings that may have secrets as values."""
_REFERENCE: Final = re.compile(
    r"(?P<open><|&lt;|\$\{|(?<!\$)\{\{|(?<![\w{])\{)[ \t]*+(?P<root>[^\W\d][\w-]{0,127})\."
    r"(?P<path>[\w.\[\]-]{1,200}+)[ \t]*+(?P<close>(?:&gt;|[>}])*)"
)
_SPACED_SECRET: Final = re.compile(r"\s*(?P<name>[A-Z_][A-Z0-9_]{0,127})\s*")
_WORDS: Final = re.compile(r"[A-Z][A-Z0-9_]{0,63}(?: [A-Z0-9_]{1,63}){1,4}")
"""Several words in upper case only, like `_OPEN_SECRET`."""
_PATH: Final = re.compile(r"[\w.\[\]-]{1,200}")
_N8N: Final = re.compile(
    r"\$(?:json|input|node|items|fromAI)\b(?:\.(?:item\.json\.|first\(\)\.json\.)?(?P<field>\w+)\s*$)?"
)
_SECRETS: Final = frozenset({"env", "secrets", "secret", "process.env"})
_SOURCES: Final = {
    **dict.fromkeys(("inputs", "input", "trigger", "steps", "nodes", "outputs", "blocks"), "start"),
    **dict.fromkeys(("vars", "variables"), "variable"),
}
"""Sources of values in other systems, and their names here."""
_OF_GITHUB: Final = re.compile(
    r"\$\{\{[ \t]*+(?:steps\.)?(?P<root>[^\W\d][\w-]{0,127})\.(?:outputs\.)?"
    r"(?P<path>(?P<field>\w{1,127})[\w.\[\]-]{0,200})[ \t]*+\}\}"
)
_GITHUB: Final = re.compile(r"\$\{\{[ \t]*+(?P<name>[\w.-]{1,200})[ \t]*+\}\}")
_INPUT_OF_GITHUB: Final = re.compile(r"(?:github\.event\.)?inputs\.(?P<input>[\w-]{1,127})")
_SECRET_OF_GITHUB: Final = re.compile(
    r"(?:^|\")(?P<raw>\$\{\{[ \t]*+secrets\.(?P<name>[A-Z_][A-Z0-9_]{0,127})[ \t]*+\}\})(?:$|\")"
)
"""All of a text, or of a text in JSON."""
_ABOUT_GITHUB: Final = re.compile(r"\b(?:git\w*|actions?|workflows?|pipelines?|ya?ml|ci)\b", re.IGNORECASE)
_BRACED: Final = re.compile(
    r"(?:(?P<label>\w[\w -]{0,40}):)?[ \t]*+(?:\{(?P<name>\w{1,127})\}|<[\w.\[\]-]{1,300}>)[.,;]?"
)
"""A line of a prompt that is only a value, perhaps after its name."""
_OF_TEMPLATES: Final = frozenset({"loop"})
"""Names that templates of other systems have, too: prompts may contain such a template."""
_MARKED: Final = re.compile(
    r"\$\{(?P<name>[A-Z][A-Z0-9_]{2,127})\}"
    r"|(?<!\S)(?:\$|\{|<|%)(?P<bare>[A-Z][A-Z0-9_]{2,127})[}>%]?(?!\S)"
)
"""Names of secrets as shells, templates and manuals write them; within other text, only the first form."""
_OTHER_PATH: Final = re.compile(r"<(?P<root>[^\W\d][\w-]{0,126}?)(?:->|\[['\"](?P<field>\w{1,127})['\"]\]>)")
"""Paths as other languages write them."""
_SPACED_REFERENCE: Final = re.compile(r"<(?P<root>[^\W\d][\w-]{0,127})\.\w[\w.-]{0,127}(?: [\w.-]{1,127}){1,8}>")
_OF_TEMPLATE: Final = re.compile(r"(?:template|format|pattern|placeholder)\w*\"\s*:\s*\"$", re.IGNORECASE)
"""Key in JSON of a text that another system fills in."""
_NEAR: Final = 40
"""Characters before a secret that may have the key."""
_ANY_REFERENCE: Final = re.compile(r"<[\w-]{1,127}\.(?P<path>[^<>]{1,200})>")
_ALL_ENTRIES: Final = re.compile(
    r"<(?P<list>(?P<root>[^\W\d][\w-]{0,127})\.[\w.-]{1,127})\[[ \t]*\*?[ \t]*\](?P<field>(?:\.\w{1,127}){0,8})>"
)
"""A field of all entries, as JSONPath writes it."""
_AFTER_MARK: Final = re.compile(r"(?<!\S)[@$](?P<path>[a-z]\w{0,63}\.\w{1,127})(?![\w(]|\.\w|\s*=)")
_PARAMETER: Final = re.compile(r"(?<=/):(?P<name>[A-Za-z_]\w{0,127})(?=[/?#]|$)")
_ID: Final = re.compile(r"\w+(?:_i|[a-z]I)d|id|uuid|slug")
"""Names of parameters, which are no part of a URL."""
_LITERAL_URL: Final = re.compile(r"^http:|test|demo|mock|localhost|echo|httpbin|(?<!^)https?:", re.IGNORECASE)
"""URLs of servers of tests, which take any path, and URLs in other URLs."""
_BARE_SECRET: Final = re.compile(
    r"(?P<scheme>(?:Bearer|Token|Basic)\s+)?(?P<name>[A-Z][A-Z0-9]*(?:_[A-Z0-9]+)*_(?:TOKEN|KEY|SECRET|PASSWORD|PAT))"
)
"""Value of a header or of a setting that is the name of a secret."""
_UNFILLED: Final = re.compile(
    r"(?P<scheme>(?:Bearer|Token|Basic)\s+)?"
    r"(?P<text>[<{\[]?your[ _-](?:\w{1,40}[ _-])?(?:api[ _-]?key|(?:access[ _-]|api[ _-])?token)(?:[ _-]here)?[>}\]]?)",
    re.IGNORECASE,
)
"""All of a secret, as manuals leave it to their readers. Words after no scheme may be a title in a header."""
_FOR_TESTS: Final = re.compile(
    r"^http:|test|demo|mock|fake|dummy|local|dev|stag|sandbox|echo|httpbin|\b(?:my|some|your|any)_", re.IGNORECASE
)
"""Servers and tokens of tests, where the token is typed."""
_OPEN_SECRET: Final = re.compile(r"\{\{[ \t]*+(?P<name>[A-Z][A-Z0-9_.-]{1,127}+)[ \t]*+\}?(?!\})")
"""Secrets in upper case only: templates of other systems use braces, too."""


def broken_references(state: WorkflowState, catalog: Catalog) -> Iterator[Problem]:
    """Yield a warning for each reference or secret that is not closed, has spaces, or has another system's marks."""
    known = {*state.ids_by_name, *RESERVED_NAMES} - _OF_TEMPLATES
    declared = input_references(state)
    inputs = {name: each for name, each in declared.items() if normalize_name(name) not in known}
    unlike_secrets = {name: each for name, each in inputs_unlike_secrets(state).items() if name in inputs}
    spaced = _spaced_inputs(state)
    for block in state.blocks.values():
        spec = catalog.spec(block.type)
        if spec is None or spec.is_trigger or block.type == "note" or not state.is_enabled(block.id):
            continue
        if spec.is_container:
            collection = to_string(block.data.get("collection"))
            for code, cause, suggestion in (
                *_broken(collection, known, {}, is_code=True),
                *_named_as_secrets(collection, unlike_secrets),
            ):
                message = f"{block.name}: collection: {cause}.{did_you_mean(suggestion)}"
                yield warning(code, message, block, ("collection",), suggestion=suggestion)
        have_examples = any(object_of(each).get("role") == "assistant" for each in parse_list(block.value("messages")))
        model = block.value("model")
        takes_any = isinstance(model, str) and model != "" and not needs_key(model)  # a local server
        of_git = "git" in to_string(block.value("url")).lower()
        for setting in effective_settings(block, spec):
            is_code = setting.id in _CODE
            holds_secrets = setting.password or setting.id == "headers"
            needs_token = holds_secrets and not takes_any
            is_no_prose = holds_secrets or setting.id in ("params", "url")
            for stored in texts(block.value(setting.id)):
                text = _without(stored, spaced)
                for code, cause, suggestion in (
                    *_broken(text, known, inputs if setting.id in _PROMPTS else {}, is_code=is_code),
                    *(_marked(text, known) if holds_secrets else ()),
                    *(
                        _bare_secret(text, to_string(block.value("url")), needs_scheme=not setting.password)
                        if needs_token
                        else ()
                    ),
                    *(_braced(text, inputs) if setting.id in _PROMPTS and not have_examples else ()),
                    *(_of_github(text, state, catalog, declared) if setting.id in _PROMPTS else ()),
                    *(_of_requests(text, known, declared, is_secret=holds_secrets) if is_no_prose else ()),
                    *(_of_starts(text, declared) if setting.id in _PROMPTS else ()),
                    *(_in_url(text, inputs) if setting.id == "url" else ()),
                    *(
                        _named_as_secrets(text, unlike_secrets, is_url=setting.id == "url")
                        if setting.id in _VALUES
                        else ()
                    ),
                    *(_secret_of_github(text) if setting.id == "body" and not of_git else ()),
                ):
                    message = f"{block.name}: {setting.id}: {cause}.{did_you_mean(suggestion)}"
                    yield warning(code, message, block, (setting.id,), suggestion=suggestion)


def _spaced_inputs(state: WorkflowState) -> Set[str]:
    """Return the names of inputs with a space, which have their own warning."""
    stored = (block.value("inputFormat") for block in state.blocks.values())
    return {field.name for each in stored for field in read_input_format(each) if " " in field.name.strip()}


def _without(text: str, spaced: Set[str]) -> str:
    """Remove the references to such inputs."""
    return _ANY_REFERENCE.sub(lambda match: "" if match["path"] in spaced else match[0], text) if spaced else text


Found = Iterator[tuple[ProblemCode, str, str | None]]


def _broken(text: str, known: Container[str], inputs: Mapping[str, str], *, is_code: bool) -> Found:
    if "<" not in text and "{" not in text and "&lt;" not in text:
        return
    for each in () if is_code else tuple(computed_indexes(text, known)):
        yield ProblemCode.UNKNOWN_REFERENCE, each.problem(), None
        text = text.replace(each.raw, "")
    before, read = "", _read(text)
    for part in parse_text(text).parts:
        if isinstance(part, EnvMarker) and before.endswith("$"):
            pass  # an expression of GitHub Actions
        elif isinstance(part, EnvMarker):
            name = part.name.strip()
            if name in inputs and inputs[name] in read:
                pass  # a template that the prompt is about
            elif name in inputs and not name.isupper():
                yield ProblemCode.UNKNOWN_REFERENCE, f"{part.raw} names a secret, not an input", inputs[name]
            else:
                yield from _broken_secret(part, known, is_code=is_code)
        elif isinstance(part, Reference):
            match = None if part.path or is_code else _OTHER_PATH.fullmatch(part.raw)
            if match and normalize_name(match["root"]) in known:
                path = f"{match['root']}.{match['field'] or '…'}"
                yield ProblemCode.UNKNOWN_REFERENCE, f"{part.raw} is no reference and stays as typed", f"<{path}>"
            elif part.raw == text.strip() and part.root in inputs and not part.path and not is_code:
                yield ProblemCode.UNKNOWN_REFERENCE, f"{part.raw} stays as typed", inputs[part.root]
        elif isinstance(part, str) and not is_code:
            yield from _broken_text(part, known)
        before = part if isinstance(part, str) else ""


def _read(text: str) -> Set[str]:
    return {each.raw for each in parse_text(text).references}


def _braced(text: str, inputs: Mapping[str, str]) -> Found:
    """Yield the inputs in single braces of a prompt that is only a list of values: others may be a template."""
    lines = [_BRACED.fullmatch(line.strip()) for line in text.splitlines() if line.strip()] if "{" in text else []
    found = [match for match in lines if match and match["name"]]
    is_plain = all(
        match["name"] in inputs
        and (
            match["label"] is None
            or re.sub(r"[\W_]", "", match["label"]).lower() == match["name"].lower().replace("_", "")
        )
        for match in found
    )
    if None not in lines and is_plain:
        for name in dict.fromkeys(match["name"] for match in found):
            yield ProblemCode.UNKNOWN_REFERENCE, f"{{{name}}} stays as typed", inputs[name]


def _of_github(text: str, state: WorkflowState, catalog: Catalog, inputs: Mapping[str, str]) -> Found:
    """Yield that the only expression of GitHub Actions in a prompt names an input, or an output of a block."""
    if text.count("${{") != 1 or _ABOUT_GITHUB.search(text):
        return
    expression, match = _GITHUB.search(text), _OF_GITHUB.search(text)
    named = _INPUT_OF_GITHUB.fullmatch(expression["name"]) if expression else None
    if expression and named and (meant := inputs.get(named["input"])):
        yield ProblemCode.UNKNOWN_REFERENCE, f"{expression[0]} stays as typed", meant
        return
    target = state.block_named(normalize_name(match["root"])) if match else None
    spec = catalog.spec(target.type) if target else None
    if match and target and spec and match["field"] in spec.declared_outputs(target):
        cause = f"{match[0]} stays as typed"
        yield ProblemCode.UNKNOWN_REFERENCE, cause, f"<{match['root']}.{match['path']}>"


def _of_requests(text: str, known: Container[str], inputs: Mapping[str, str], *, is_secret: bool) -> Found:
    """Yield the expressions of GitHub Actions in a URL, a parameter, or a setting that holds secrets."""
    for match in _GITHUB.finditer(text):
        root, _, path = match["name"].partition(".")
        if match[0] == "${{" + root + "}}" and not is_secret:
            continue  # a dollar sign before a value
        named = _INPUT_OF_GITHUB.fullmatch(match["name"])
        code, hint, meant = ProblemCode.UNKNOWN_REFERENCE, "", None
        if (root in _SECRETS and path) or (not path and is_environment_name(root)):
            code, meant = ProblemCode.INVALID_SETTING, "{{" + (path or root) + "}}"
        elif path and normalize_name(root) in known:
            meant = f"<{match['name']}>"
        elif named is None or (meant := inputs.get(named["input"])) is None:
            hint = ". Write a secret as {{NAME}}, and an input as <start.name>"
        yield code, f"{match[0]} is an expression of GitHub Actions{hint}", meant


def _of_starts(text: str, inputs: Mapping[str, str]) -> Found:
    """Yield the inputs whose path a prompt has after the mark of another system: `@start.id`, `$start.id`.

    A text that has such a path of something else, too, or reads the input, may be about code.
    """
    found = [(match[0], f"<{match['path']}>") for match in _AFTER_MARK.finditer(text)]
    meant = {*inputs.values()} - _read(text) if found else set()
    if all(reference in meant for _, reference in found):
        for typed, reference in found:
            yield ProblemCode.UNKNOWN_REFERENCE, f"{typed} stays as typed", reference


def _in_url(text: str, inputs: Mapping[str, str]) -> Found:
    """Yield the inputs without their block: no URL has angle brackets. Frameworks write `:id` in routes."""
    if not text.strip().startswith("http"):
        return
    read = _read(text)
    for match in _PARAMETER.finditer(re.split("[?#]", text, maxsplit=1)[0]):
        if match["name"] in inputs and inputs[match["name"]] not in read:
            yield ProblemCode.UNKNOWN_REFERENCE, f":{match['name']} stays as typed", inputs[match["name"]]
        elif match["name"] not in inputs and _ID.fullmatch(match["name"]) and not _LITERAL_URL.search(text):
            cause = f":{match['name']} stays as typed. Write a reference, such as <start.{match['name']}>"
            yield ProblemCode.UNKNOWN_REFERENCE, cause, None
    for part in parse_text(text).parts:
        if isinstance(part, Reference) and part.root in inputs and not part.path:
            yield ProblemCode.UNKNOWN_REFERENCE, f"{part.raw} stays as typed", inputs[part.root]


def _named_as_secrets(text: str, inputs: Mapping[str, str], *, is_url: bool = False) -> Found:
    """Yield the inputs in the braces of secrets that are a whole value or part of a URL.

    A longer text may be a template of another system. A text that also reads the input may mean both.
    """
    parts = ("", *parse_text(text).parts, "")
    read = {part.raw for part in parts if isinstance(part, Reference)}
    for before, part, after in zip(parts, parts[1:], parts[2:], strict=False):
        if not isinstance(part, EnvMarker) or not isinstance(before, str) or not isinstance(after, str):
            continue
        is_whole = (before == after == "") or (before.endswith('"') and after.startswith('"'))
        is_value = is_whole and not _OF_TEMPLATE.search(before[-_NEAR:])
        meant = inputs.get(part.name)
        if meant and meant not in read and (is_value or (is_url and not before.endswith("$"))):
            yield ProblemCode.UNKNOWN_REFERENCE, f"{part.raw} names a secret, not an input", meant


def _secret_of_github(text: str) -> Found:
    for match in _SECRET_OF_GITHUB.finditer(text):
        cause = f"{match['raw']} is an expression of GitHub Actions"
        yield ProblemCode.INVALID_SETTING, cause, "{{" + match["name"] + "}}"


def _broken_secret(marker: EnvMarker, known: Container[str], *, is_code: bool) -> Found:
    root, dot, path = marker.name.strip().partition(".")
    is_path = bool(dot) and _PATH.fullmatch(path) is not None
    first, _, rest = path.partition(".")
    if dot and normalize_name(root) in known:
        start = _PATH.match(path)
        value = start[0] if start else path
        if value != path and path[len(value)] == "(":
            value = value.rpartition(".")[0] or value
        hint = "" if value == path or is_code else ". It calculates nothing: use a function block"
        yield ProblemCode.UNKNOWN_REFERENCE, f"{marker.raw} names a secret, not a block{hint}", f"<{root}.{value}>"
    elif is_code:
        return
    elif match := _N8N.search(marker.name):
        field = f"<start.{match['field']}>" if match["field"] and "start" in known else None
        hint = "" if field else ". Read a block's output with <block.field>"
        yield ProblemCode.UNKNOWN_REFERENCE, f"{marker.raw} is an expression of n8n and stays as typed{hint}", field
    elif is_path and root in _SECRETS:
        yield (
            ProblemCode.INVALID_SETTING,
            f"{marker.raw} stays as typed, because no secret has this name",
            f"{{{{{path}}}}}",
        )
    elif is_path and root in _SOURCES:
        step = f"{first}.{rest.removeprefix('outputs.')}"
        meant = step if rest and normalize_name(first) in known else f"{_SOURCES[root]}.{path}"
        yield ProblemCode.UNKNOWN_REFERENCE, f"{marker.raw} names a secret, not a value of the run", f"<{meant}>"
    elif marker.name != marker.name.strip() and (match := _SPACED_SECRET.fullmatch(marker.name)):
        cause = f"{marker.raw} stays as typed, because secrets are named without spaces"
        yield ProblemCode.INVALID_SETTING, cause, "{{" + match["name"] + "}}"
    elif _WORDS.fullmatch(marker.name):
        cause = f"{marker.raw} stays as typed, because secrets are named without spaces"
        yield ProblemCode.INVALID_SETTING, cause, "{{" + re.sub(r"[ -]+", "_", marker.name) + "}}"


def _marked(text: str, known: Container[str]) -> Found:
    """Yield the secrets in marks of other systems, such as `$TOKEN`."""
    for part in parse_text(text).parts:
        marked = part if isinstance(part, str) else part.raw
        if isinstance(part, EnvMarker) or (isinstance(part, Reference) and part.name in known):
            continue
        for match in _MARKED.finditer(marked):
            name = match["name"] or match["bare"]
            yield ProblemCode.INVALID_SETTING, f"{match[0]} stays as typed", f"{{{{{name}}}}}"


def _bare_secret(text: str, url: str, *, needs_scheme: bool) -> Found:
    """Yield the name of a secret without any marks that is all of a token, or the placeholder of a manual."""
    match = _BARE_SECRET.fullmatch(text.strip())
    is_token = match is not None and (match["scheme"] is not None or not needs_scheme)
    if match and is_token and not _FOR_TESTS.search(url) and not _FOR_TESTS.search(match["name"]):
        yield ProblemCode.INVALID_SETTING, f"{match['name']} stays as typed", f"{{{{{match['name']}}}}}"
    unfilled = _UNFILLED.fullmatch(text.strip())
    is_secret = unfilled and (unfilled["scheme"] or " " not in unfilled["text"])
    if unfilled and is_secret and not _FOR_TESTS.search(url):
        fix = "Store the secret with `flowport secrets set NAME`, and write {{NAME}}"
        yield ProblemCode.INVALID_SETTING, f"{unfilled['text']} stays as typed. {fix}", None


def _broken_text(text: str, known: Container[str]) -> Found:
    for match in _ALL_ENTRIES.finditer(text):
        if normalize_name(match["root"]) in known:
            entries = f"<{match['list']}>" + (f".map((each) => each{match['field']})" if match["field"] else "")
            fix = f"Compute the list in a function block: {entries}" if match["field"] else f"Write {entries}"
            yield ProblemCode.UNKNOWN_REFERENCE, f"{match[0]} is no reference and stays as typed. {fix}", None
            text = text.replace(match[0], "")
    unspaced = _SPACED_REFERENCE.sub("", text)
    for match in _REFERENCE.finditer(unspaced):
        if normalize_name(match["root"]) in known:
            path = match["path"].rstrip(".")
            of, _, method = path.rpartition(".")
            if of and unspaced.startswith("(", match.end()):
                fix = f"Compute the value in a function block: <{match['root']}.{of}>.{method}(…)"
                cause = f"{match[0].strip()}(…) is no reference and stays as typed. {fix}"
                yield ProblemCode.UNKNOWN_REFERENCE, cause, None
                continue
            cause = f"{match[0].strip()} is no reference and stays as typed"
            yield ProblemCode.UNKNOWN_REFERENCE, cause, f"<{match['root']}.{path}>"
    for match in _SPACED_REFERENCE.finditer(text):
        if normalize_name(match["root"]) in known:
            cause = f"{match[0]} is no reference, because it has a space, and stays as typed. Rename the field"
            yield ProblemCode.UNKNOWN_REFERENCE, cause, None
    for match in _OPEN_SECRET.finditer(text):
        cause = f"{match[0].strip()} is not closed and stays as typed"
        yield ProblemCode.INVALID_SETTING, cause, "{{" + match["name"] + "}}"
