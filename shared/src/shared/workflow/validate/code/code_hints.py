"""What usually causes a syntax error: words of another language, or code in it."""

import ast
import re
import warnings
from collections.abc import Container, Iterator
from typing import Final

from shared.workflow.compile.code_parser import Language, TooComplex, leaves, parse
from shared.workflow.compile.code_references import CodeTemplate, Location, compile_code, location_of, syntax_error
from shared.workflow.format.references import normalize_name
from shared.workflow.format.suggestions import did_you_mean, nearest
from shared.workflow.validate.computed_indexes import computed_indexes

_OPERATORS: Final = {"and": "&&", "or": "||", "not": "!", "contains": ".includes(…)", "is": "==="}
_WORDS: Final = re.compile(r"(?<![.\w\"'])(?:and|or|not|contains|is)(?![\w\"'])", re.IGNORECASE)
"""Operators of other languages."""
_IS_EMPTY: Final = re.compile(r"\bis (?P<not>not )?empty\b", re.IGNORECASE)
_NO_OPERATORS: Final = {"=<": "<=", "<>": "!=="}
_NOT_JAVASCRIPT: Final = {"elif": "else if", "f": "`…${…}`"}
_NO_OPERATOR: Final = re.compile(r"(?<![=!<>])=<(?![\w.]+>)|<>")
"""Comparisons of other languages."""
_QUOTED: Final = re.compile(r"\"[^\"\n]*\"|'[^'\n]*'|`[^`\n]*`")
_OF_PYTHON: Final = re.compile(r"(?<![\w.])(?:elif|and|or|not|f(?=[\"']))(?![\w:])")
_STATEMENT: Final = re.compile(r"\s*+(?:(?P<start>\$\{|(?:return|if|\{)(?!\w))|[^;]*+(?P<end>;)\s*+$)")
"""Expressions that are written as statements, or as parts of texts."""
_PYTHON_WORDS: Final = {"else if": "elif", "&&": "and", "||": "or", "===": "==", "!==": "!=", "++": "+= 1"}
_NOT_PYTHON: Final = re.compile(r"\belse +if\b|&&|\|\||!==|===|\+\+")
_EXCLAMATION: Final = re.compile(r"(?<![\w\"'])!(?=[\w<(])")
_INCREMENT: Final = re.compile(
    r"(?<![\w.])(?P<name>[A-Za-z_]\w{0,60})(?P<sign>[+-])(?P=sign)[ \t]*;?(?=[ \t]*(?:$|#))", re.MULTILINE
)
_TYPES: Final = re.compile(
    r"(?<=\w)\s*:\s*(?:string|number|boolean|any|unknown|void|object|Record<)(?:\[\])?(?=\s*[=,){;])"
    r"|\bas (?:string|number|boolean|any|unknown|const|[A-Z]\w{0,60})(?:\[\])?(?=\s*[),;.\]}])"
    r"|^\s*(?:interface [A-Z]\w{0,60}(?=\s*\{)|type [A-Z]\w{0,60}(?=\s*=)|enum [A-Z]\w{0,60}(?=\s*\{))",
    re.MULTILINE,
)
"""Types of TypeScript."""
_JOINED: Final = re.compile(
    r"(?<=\S) (?=(?:const|let|var|return|throw|import|from|print|await)\b|[A-Za-z_]\w{0,40} [-+*]?=(?![=>]))"
)
"""Places at which statements begin, in code whose lines YAML joined."""
_CONDITION: Final = re.compile(
    r"^[ \t]*+(?:\}[ \t]*+else[ \t]++)?(?P<word>if|while|switch)[ \t]++(?![\s(])", re.MULTILINE
)
_OPEN_REFERENCE: Final = re.compile(
    r"<(?P<root>[^\W\d][\w-]{0,127})(?P<path>(?:\.\w{1,127}+|\[\d{1,9}\]){1,16})(?![\w.\[>-])"
)
_OF_GITHUB: Final = re.compile(r"\$\{\{[ \t]*+(?P<root>[^\W\d][\w-]{0,127})\.(?P<path>[\w.\[\]-]{1,200}+)[ \t]*+\}\}")
_MISSPELLED: Final = re.compile(
    r"(?P<open>\$?\{{1,2}|<{1,2})[ \t]*+(?P<root>[^\W\d][\w-]{0,127})[./](?P<path>[\w.\[\]-]{1,200})[ \t]*+"
    r"(?:\}{1,2}|>{1,2})"
)
"""A reference or a secret with other brackets, blanks or a slash."""
_SECRETS: Final = frozenset({"env", "secret", "secrets"})
_CURLY_QUOTED: Final = re.compile('[“”„«](?P<text>[^“”„«»"\n]{0,200})[“”»]|[‘’](?P<other>[^‘’"\n]{0,200})[‘’]')
_OVER_LINES: Final = re.compile(
    rf"{_QUOTED.pattern}|(?P<quote>[\"'])(?P<text>[^\"'`\n]{{0,500}}(?:\n[^\"'`\n]{{0,500}}){{1,20}})(?P=quote)"
)
_FOR_OF: Final = re.compile(r"\bfor (?P<name>\w{1,60}) of\b")
_FIRST_WORD: Final = re.compile(r"[ \t]*+(?P<word>[a-z]{3,12})[ \t]++[\w\"'{\[<(]")
_ENTRY: Final = re.compile(r"\s*[\"']?(?P<name>\w{1,40})[\"']?\s*:")
_KEYWORDS: Final = ("return", "const", "function", "async", "await", "while", "import", "class", "else", "elif", "from")
_CLOSE: Final = 0.8
_BRACKETS: Final = {")": ("(",), "]": ("[",), "}": ("{", "${")}
_QUOTES: Final = ("'", '"', "`")
_LONGEST: Final = 20_000
"""Longer code has no further hints: each takes time."""


def language_hint(template: CodeTemplate, known: Container[str], at: Location) -> str:
    """Return a sentence about the cause of a syntax error; empty if nothing looks wrong.

    `known` are the names of blocks.
    """
    return next((f" {hint}" for hint in _hints(template, known, at) if hint), "")


def location_of_operator(template: CodeTemplate) -> Location | None:
    """Return where an expression has the first operator of another language, or Python an increment."""
    masked = _QUOTED.sub(lambda quoted: "_" * len(quoted[0]), template.source)
    found = _WORDS.search(masked) or _NO_OPERATOR.search(masked)
    if not template.is_expression:
        found = _INCREMENT.search(masked) if template.language is Language.PYTHON else None
    return location_of(template.source, found.start()) if found else None


def _hints(template: CodeTemplate, known: Container[str], at: Location) -> Iterator[str]:
    source, is_python = template.source, template.language is Language.PYTHON
    for opened in _OPEN_REFERENCE.finditer(source):
        if normalize_name(opened["root"]) in known:
            yield f'Close the reference "{opened[0]}" with >.'
    yield from (f"Write {each.in_code(template.language)} for {each.raw}." for each in computed_indexes(source, known))
    if len(template.program) > _LONGEST:
        return
    if template.is_expression:  # always JavaScript
        yield _expression_hint(source, known)
        yield _spelling_hint(template, known)
        yield _balance_hint(template)
        return
    if "```" in source:
        yield "Remove the ``` around the code."
    if is_python and (match := _INCREMENT.search(source)):
        fixed = _INCREMENT.sub(r"\g<name> \g<sign>= 1", source)
        if syntax_error(compile_code(fixed, Language.PYTHON)) is None:
            yield f'Write "{match["name"]} {match["sign"]}= 1" for "{match[0].strip()}".'
    yield _spelling_hint(template, known)
    if not is_python and (match := _TYPES.search(source)):
        yield f'Write JavaScript without types such as "{match[0].strip()}".'
    other = next(each for each in Language if each is not template.language)
    if syntax_error(compile_code(source, other)) is None:
        yield f'Is the language "{other}"?'
    if "\n" not in source.strip() and _is_joined(source, template.language):
        yield "All of the code is one line. In a file, write code: | and the code below it."
    if is_python and (match := _NOT_PYTHON.search(source)):
        yield f'Write "{_PYTHON_WORDS[" ".join(match[0].split())]}" for "{match[0]}".'
    if not is_python and (match := _CONDITION.search(source)):
        yield f"Write the condition in parentheses: {match['word']} (…)."
    yield from _line_hints(source, at, is_python=is_python)
    yield _python_hint(template.program) if is_python else _balance_hint(template)


def _is_joined(source: str, language: Language) -> bool:
    lines = _JOINED.sub("\n", source.strip())
    return lines != source.strip() and syntax_error(compile_code(lines, language)) is None


def _spelling_hint(template: CodeTemplate, known: Container[str]) -> str:
    """Return the fix for one kind of spelling, if the code parses once all places of this kind are corrected."""
    source, language = template.source, template.language

    def reference(match: re.Match[str]) -> str:
        if normalize_name(match["root"]) in known:
            return f"<{match['root']}.{match['path']}>"
        is_secret = match["root"] in _SECRETS and "{" in match["open"]
        return f"{{{{{match['path']}}}}}" if is_secret else match[0]

    def straight(match: re.Match[str]) -> str:
        return f'"{match["text"] or match["other"] or ""}"'

    def over_lines(match: re.Match[str]) -> str:
        quotes = '"""' if language is Language.PYTHON else "`"
        return f"{quotes}{match['text']}{quotes}" if match["quote"] else match[0]

    def for_in(match: re.Match[str]) -> str:
        return f"for {match['name']} in" if language is Language.PYTHON else match[0]

    def negation(match: re.Match[str]) -> str:
        return "not " if language is Language.PYTHON else match[0]

    quotes = "backticks" if language is Language.JAVASCRIPT else 'three quotes: """…"""'
    spellings = (
        (_MISSPELLED, reference, "Write {} for {}."),
        (_CURLY_QUOTED, straight, "Write {} for {}."),
        (_FOR_OF, for_in, 'Write "{}" for "{}".'),
        (_EXCLAMATION, negation, 'Write "not" for "!".'),
        (_OVER_LINES, over_lines, f"A text in quotes ends on its line. Write one of several lines in {quotes}."),
    )
    for wrong, correct, hint in spellings:
        match = next((each for each in wrong.finditer(source) if correct(each) != each[0]), None)
        fixed = wrong.sub(correct, source) if match else ""
        if match and syntax_error(compile_code(fixed, language, is_expression=template.is_expression)) is None:
            return hint.format(correct(match), match[0])
    return ""


def _line_hints(source: str, at: Location, *, is_python: bool) -> Iterator[str]:
    """Yield what looks wrong in the line of the error."""
    line = "".join(source.splitlines()[at.line - 1 : at.line])
    above = "".join(source.splitlines()[max(0, at.line - 2) : at.line - 1])
    if not is_python and above.strip() == "return" and line.lstrip().startswith("{"):
        yield f"Write the {{ of line {at.line} on the line of return."
    if not is_python and (match := _OF_PYTHON.search(_QUOTED.sub('""', line))):
        yield f'Write "{_NOT_JAVASCRIPT.get(match[0], _OPERATORS.get(match[0]))}" for "{match[0]}".'
    if entry := _ENTRY.match(line, at.column - 1):
        yield f'Put a comma before "{entry["name"]}".'
    match = _FIRST_WORD.match(line)
    if match and match["word"] not in _KEYWORDS:
        yield did_you_mean(nearest(match["word"], _KEYWORDS, least=_CLOSE)).strip()


def _balance_hint(template: CodeTemplate) -> str:
    """Return which quote or bracket has no other one."""
    program = template.program
    try:
        tokens = list(leaves(parse(program.encode(errors="surrogatepass"), template.language)))
    except TooComplex:
        return ""
    for quote in _QUOTES:
        lines = [line for kind, line in tokens if kind == quote]
        if len(lines) % 2:
            return f"A quote in line {lines[-1]} is not closed. Write \\{quote} for a {quote} within the text."
    opened: list[tuple[str, int]] = []
    for kind, line in tokens:
        if kind in ("(", "[", "{", "${"):
            opened.append((kind, line))
        elif kind not in _BRACKETS:
            continue
        elif not opened:
            return f'The "{kind}" in line {line} has no matching "{_BRACKETS[kind][0]}".'
        elif opened[-1][0] in _BRACKETS[kind]:
            opened.pop()
        else:
            break
    return f'Close the "{opened[-1][0]}" of line {opened[-1][1]}.' if opened else ""


def _python_hint(program: str) -> str:
    """Return what Python itself says about its code."""
    try:
        with warnings.catch_warnings(action="ignore"):
            ast.parse(program)
    except SyntaxError as error:
        text = error.msg.removeprefix("invalid syntax").removeprefix(". ").partition(" (detected")[0]
        is_clear = text and "__flowport" not in text
        return f"Line {error.lineno}: {text}{'' if text.endswith('?') else '.'}" if is_clear else ""
    except (MemoryError, RecursionError, ValueError):  # nested too deeply
        return ""
    return ""


def _expression_hint(source: str, known: Container[str]) -> str:
    if (match := _OF_GITHUB.search(source)) and normalize_name(match["root"]) in known:
        return f"Write <{match['root']}.{match['path']}> for {match[0]}, an expression of GitHub Actions."
    if match := _STATEMENT.match(source):
        return f'Write only the expression, without "{match["start"] or match["end"]}".'
    if match := _NO_OPERATOR.search(_QUOTED.sub("", source)):
        return f'Write "{_NO_OPERATORS[match[0]]}" for "{match[0]}".'
    if match := _IS_EMPTY.search(_QUOTED.sub('""', source)):
        return f'Write "{"!" if match["not"] else "="}== \'\'" for "{match[0]}".'
    completed = compile_code(f"{source} : null", Language.JAVASCRIPT, is_expression=True)
    if "?" in source and syntax_error(completed) is None:
        return 'A "?" needs two values: write "? … : …".'
    words = dict.fromkeys(match[0] for match in _WORDS.finditer(source))
    return " ".join(f'Write "{_OPERATORS[word.lower()]}" for "{word}".' for word in words)
