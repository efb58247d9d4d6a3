"""Random programs with references, each with an equivalent program that reads the values from variables."""

import json
import random
from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from tests.security.code.hostile import VALUES

SCALARS: tuple[Any, ...] = (0, 1, -7, 2**40, 1.5, True, False, None, [1, "a'b"], {"k": 'v"w'}, [], {})
LETTERS = "ab<>{}[]()/\\'\"`$#*+-.,;:!?|&^=%~ \n\r\t\u2028\u2029\0é😀0123"


@dataclass(frozen=True)
class Case:
    """One program in two spellings, with the values of `<start.a>` … and `{{KEY}}`."""

    source: str
    oracle: str
    values: dict[str, Any]
    key: str


Two = tuple[str, str]
"""A text as an author types it, and its meaning."""


class Writer(ABC):
    """Generator of the parts that both languages share."""

    def __init__(self, seed: random.Random) -> None:
        self.random = seed
        self.names = [seed.choice("abcd") for _ in range(4)]

    def case(self) -> Case:
        """Generate a program."""
        source, oracle = self.program()
        return Case(source, oracle, {name: self.value() for name in "abcd"}, self.text())

    def value(self) -> Any:
        """Return a value of a run."""
        kind = self.random.random()
        if kind < 0.5:
            return self.random.choice(VALUES)
        return self.text() if kind < 0.75 else self.random.choice(SCALARS)

    def text(self) -> str:
        """Return characters with a meaning in some language."""
        return "".join(self.random.choice(LETTERS) for _ in range(self.random.randrange(7)))

    def reference(self) -> tuple[str, str]:
        """Return a reference in one of its spellings, and the name of its variable."""
        if self.random.random() < 0.15:
            return "{{KEY}}", "KEY"
        name = self.random.choice(self.names)
        return self.random.choice(["<start.{}>", "<Start.{}>", "<START.{}>"]).format(name), name

    def pick(self, *makers: Callable[[int], Two], depth: int) -> Two:
        """Return one of several alternatives."""
        return self.random.choice(makers)(depth)

    @abstractmethod
    def program(self) -> Two:
        """Return a whole program."""


class JavaScriptWriter(Writer):
    """Functions that append their results to `out`, in JavaScript."""

    PIECES = (
        *("", "a", " ", "//", "/*", "*/", "<!--", "-->", "#", "{", "}", "]", ")", "é", "😀", "\u2028", "\\n", "\\\\"),
        *("\\x41", "\\u0041", "\\u{1F600}", "\\\n", "\\0", "{{", "</script>", "%s", "$", "\\'", '\\"', "\\`", "<b>"),
    )
    BEFORE_DIVISION = (
        *(
            "o.yield",
            "o.new",
            "o.of",
            "o.in",
            "o.return",
            "o.case",
            "o.typeof",
            "o?.await",
            "o.do",
            "i++",
            "i--",
            "(i)",
        ),
        *("[2]", "o['of']", "`4`", "'4'", "of", "async", "get", "o.of++", "(() => 4)()", "o.i\n", "o.i /* / */", "4"),
    )
    PRELUDE = (
        "var out = [], i = 3, of = 5, async = 7, get = 9, tag = (s, ...v) => s.raw.join('|') + v.length;"
        "var o = {yield: 2, new: 3, of: 4, in: 5, return: 6, case: 7, typeof: 8, await: 9, do: 10, i: 11};\n"
    )

    def program(self) -> Two:
        lines = [self.statement(2) for _ in range(self.random.randrange(1, 5))]
        end = "\nreturn out"
        return self.PRELUDE + "".join(one for one, _ in lines) + end, self.PRELUDE + "".join(
            two for _, two in lines
        ) + end

    def statement(self, depth: int) -> Two:
        one, two = self.expression(depth)
        mark, _ = self.reference()
        before, after = self.random.choice(
            [
                ("out.push(", ");\n"),
                ("out.push(", ")\n"),
                ("if (i) { out.push(", ") } else /a/.test('')\n"),
                ("for (var k = 0; k < 2 && 3 > k; k++) out.push(", ");\n"),
                ("x: { out.push(", "); break x }\n"),
                ("try { out.push(", ") } catch (e) { out.push(e.name) }\n"),
                ("switch (1) { default: out.push(", ") }\n"),
                ("do out.push(", "); while (0) /b/g.test('')\n"),
                ("class A { static x = out.push(", "); static { i } }\n"),
                ("((k = out.push(", ")) => k)();\n"),
            ]
        )
        comment, spoken = self.random.choice(
            [("", "")] * 4
            + [
                (f"// {mark}\n", "//\n"),
                (f"/* {mark} ' */ ", "/**/ "),
                (f"/* {mark}\n`*/", "/*\n*/"),
                (f"// {mark}\u2028", ""),
            ]
        )
        return comment + before + one + after, spoken + before + two + after

    def expression(self, depth: int) -> Two:
        leaves = (self.plain, self.value_of, self.string, self.template, self.pattern)
        if depth <= 0:
            return self.pick(*leaves, depth=0)
        return self.pick(*leaves, self.divided, self.key, self.nested, self.tagged, depth=depth)

    def plain(self, _: int) -> Two:
        text = self.random.choice(["i", "1", "'a'", "/[/'\"]/.source", "`b`", "o.of", "[1,2][1]", "(1 < 2 && 3 > 2)"])
        return text, text

    def value_of(self, _: int) -> Two:
        mark, name = self.reference()
        return self.random.choice([(mark, name), (f"typeof{mark}", f"typeof {name}"), (f"({mark}\n)", f"({name})")])

    def divided(self, depth: int) -> Two:
        start = self.random.choice(self.BEFORE_DIVISION)
        mark, name = self.reference()
        (one, two), slash = self.expression(depth - 1), self.random.choice([" / ", "/", "\n/ ", " /\n"])
        return f"[{start}{slash}{mark}{slash}({one})]", f"[{start}{slash}{name}{slash}({two})]"

    def pieces(self, quote: str) -> tuple[str, list[str]]:
        """Return a literal's content, and the expressions of its texts."""
        inside, parts = "", []
        for _ in range(self.random.randrange(1, 5)):
            if self.random.random() < 0.5:
                piece = self.random.choice(self.PIECES)
                if quote == "`" and (piece == "$" or (piece == "\\0")):
                    continue
                inside += piece
                parts.append(quote + piece + quote)
                if piece == "\\0" and inside:
                    inside += " "
                    parts.append("' '")
            else:
                mark, name = self.reference()
                if quote == "`" and inside.endswith("$"):
                    continue
                inside += self.random.choice(["", "", "\\"]) + mark
                parts.append(f"T({name!r})")
        return inside, parts or ["''"]

    def string(self, _: int) -> Two:
        quote = self.random.choice("'\"")
        inside, parts = self.pieces(quote)
        return quote + inside + quote, f"({' + '.join(parts)})"

    def template(self, depth: int) -> Two:
        first, some = self.pieces("`")
        one, two = self.expression(depth - 1) if depth > 0 else self.plain(0)
        last, others = self.pieces("`")
        return f"`{first}${{{one}}}{last}`", f"({' + '.join([*some, f'`${{{two}}}`', *others])})"

    def tagged(self, _: int) -> Two:
        mark, name = self.reference()
        backslash = self.random.choice(["", "\\"])
        return f"String.raw`C:{backslash}{mark}`", f"('C:' + {json.dumps(backslash)} + T({name!r}))"

    def key(self, depth: int) -> Two:
        quote = self.random.choice("'\"")
        inside, parts = self.pieces(quote)
        key, computed = quote + inside + quote, f"[{' + '.join(parts)}]"
        one, two = self.expression(depth - 1)
        form = self.random.choice(
            [
                "({{{}: {}}})",
                "({{a: 1, {}: {}}})",
                "({{get {}() {{ return {} }}}})",
                "new (class {{ x = i; {} = {} }})()",
                "new (class {{ x = i\n;{} = {} }})()",
            ]
        )
        return form.format(key, one), form.format(computed, two)

    def nested(self, depth: int) -> Two:
        one, two = self.expression(depth - 1)
        form = self.random.choice(
            ["(() => {})()", "[{}]", "{{a: {}}}.a", "(i, {})", "(function () {{ return {} }})()", "(i ? {} : 0)", "!{}"]
        )
        form = form.replace("(() => {})", "(() => ({}))").replace("{{a", "({{a").replace("}}.a", "}}).a")
        return form.format(one), form.format(two)

    def pattern(self, _: int) -> Two:
        mark, name = self.reference()
        flags = self.random.choice(["", "g", "i", "u", "v", "s"])
        before, after = self.random.choice(
            [
                ("^", "$"),
                ("", ""),
                ("[", "]"),
                ("[^a", "]"),
                ("(?:", ")"),
                ("(?<n>", ")\\k<n>"),
                ("[/'\"]", ""),
                ("\\/", ""),
            ]
        )
        space = self.random.choice(["", "\\"])
        mark_in = f"/{before}{space}{mark}{after}/{flags}"
        built = f"new RegExp({json.dumps(before)} + P({name!r}) + {json.dumps(after)}, {flags!r})"
        other, named = self.reference()
        use = self.random.choice(["{}.test(String(OTHER))", "String(OTHER).replace({}, '#')", "'x'.match({})"])
        return use.replace("{}", mark_in).replace("OTHER", other), use.replace("{}", built).replace("OTHER", named)


class PythonWriter(Writer):
    """Functions that append their results to `out`, in Python."""

    PIECES = (
        "",
        "a",
        " ",
        "#",
        "{{",
        "}}",
        "]",
        ")",
        "é",
        "😀",
        "\u2028",
        "\\n",
        "\\\\",
        "\\x41",
        "\\\n",
        "%s",
        "$",
        "<b>",
    )
    PREFIXES = ("", "", "u", "U", "r", "R", "f", "F", "rf", "fR", "b", "rb", "Rb")

    def program(self) -> Two:
        prelude = "out, i = [], 3\n"
        lines = [self.statement(2) for _ in range(self.random.randrange(1, 5))]
        return (
            prelude + "".join(one for one, _ in lines) + "return out",
            prelude + "".join(two for _, two in lines) + "return out",
        )

    def statement(self, depth: int) -> Two:
        one, two = self.expression(depth)
        mark, name = self.reference()
        form, plain = self.random.choice(
            [
                ("out.append({})\n",) * 2,
                (f"# {mark} '\nout.append({{}})  # {mark}\n", "\nout.append({})\n"),
                ("out.append({}); out.append(1 <2)\n",) * 2,
                ("if i: out.append({})\n",) * 2,
                ("for k in range(2):\n\tout.append({})\n",) * 2,
                ("def g(x={}): return x\nout.append(g())\n",) * 2,
                ("class A:\n  x = {}\nout.append(A.x)\n",) * 2,
                (
                    f"match {mark}:\n  case y if {mark} == y: out.append({{}})\n",
                    f"if {name} == {name}: out.append({{}})\n",
                ),
                ("out.append((w := {}))\n",) * 2,
                ("out.append(\\\n{})\n",) * 2,
                ("try:\n  out.append({})\nexcept Exception as e: out.append(type(e).__name__)\n",) * 2,
                ("@(lambda f: f)\ndef g(): return {}\nout.append(g())\n",) * 2,
            ]
        )
        return form.replace("{}", one), plain.replace("{}", two)

    def expression(self, depth: int) -> Two:
        leaves = (self.plain, self.value_of, self.strings)
        if depth <= 0:
            return self.pick(*leaves, depth=0)
        return self.pick(*leaves, self.strings, self.formatted, self.nested, depth=depth)

    def plain(self, _: int) -> Two:
        text = self.random.choice(["i", "1", "'a#'", "r'\\'", "[1, 2][1]", "(1 <2)", "{'k': 1}['k']"]).replace(
            "r'\\'", "r'\\d'"
        )
        return text, text

    def value_of(self, _: int) -> Two:
        mark, name = self.reference()
        return self.random.choice(
            [(mark, name), (f"(1if{mark}else 2)", f"(1 if {name} else 2)"), (f"({mark}\n)", f"({name})")]
        )

    def strings(self, _: int) -> Two:
        """Return one string, or several adjacent ones, of which all are bytes or none."""
        prefixes = [self.random.choice(self.PREFIXES) for _ in range(self.random.choice([1, 1, 2, 3]))]
        is_bytes = "b" in prefixes[0].lower()
        chosen = [prefix for prefix in prefixes if ("b" in prefix.lower()) is is_bytes]
        made = [self.one_string(prefix) for prefix in chosen]
        blank = self.random.choice([" ", " ", "\n", "  # '\n"]) if len(made) > 1 else " "
        form = "({})" if is_bytes is False else "({}).decode('utf-8', 'surrogatepass')"
        return form.format(blank.join(one for one, _ in made)), form.format("+".join(two for _, two in made))

    def one_string(self, prefix: str) -> Two:
        quote = self.random.choice(["'", '"', "'''", '"""'])
        kind, inside, parts = prefix.lower(), "", []
        for _ in range(self.random.randrange(1, 5)):
            if self.random.random() < 0.5:
                piece = self.random.choice(self.PIECES)
                if "b" in kind and not piece.isascii():
                    continue
                inside += piece
                parts.append(f"{prefix}{quote}{piece}{quote}")
            else:
                mark, name = self.reference()
                if mark == "{{KEY}}" and inside.endswith("{"):
                    continue
                backslash = self.random.choice(["", "", "\\"])
                inside += backslash + mark
                slash = "b'\\\\'" if "b" in kind else "'\\\\'"
                parts += [slash] if backslash else []
                parts.append(f"T({name!r})" + (".encode('utf-8', 'surrogatepass')" if "b" in kind else ""))
        return f"{prefix}{quote}{inside}{quote}", f"({'+'.join(parts or [prefix + quote + quote])})"

    def formatted(self, depth: int) -> Two:
        one, two = self.expression(depth - 1)
        mark, name = self.reference()
        head, said = self.reference()
        if "\n" in one or "\\" in one or "#" in one:
            one, two = "i", "i"
        inner = self.random.choice(["{{{}}}", "{{{}!r}}", "{{{}!s:}}"])
        return (
            "f'''" + head + inner.format(f"({one})") + mark + "'''",
            f"(T({said!r})+f'''" + inner.format(f"({two})") + f"'''+T({name!r}))",
        )

    def nested(self, depth: int) -> Two:
        one, two = self.expression(depth - 1)
        form = self.random.choice(
            ["(lambda: {})()", "[{}]", "(i, {})[1]", "[x for x in [{}]][0]", "(x := {})", "{'k': {}}['k']"]
        )
        return form.replace("{}", one), form.replace("{}", two)
