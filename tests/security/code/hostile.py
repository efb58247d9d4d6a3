"""Values that would be code in some position, and code with references in every kind of position."""

STOLEN = "of the workspace"
"""Content of the environment, which no run may disclose."""

LEAK = "environmentVariables"
VALUES = (
    f"1,{LEAK}<!--",
    f'",{LEAK},"',
    f"',{LEAK},'",
    f"`,{LEAK},`",
    f"${{{LEAK}.SECRET}}",
    f'\\",{LEAK}//',
    f"\\',{LEAK}#",
    f'"+JSON.stringify({LEAK})+"',
    f"'+str({LEAK})+'",
    f"{{{LEAK}}}",
    f"{{{LEAK}[SECRET]}}",
    f"/,{LEAK}//",
    f"]/,{LEAK}//",
    f"*/{LEAK}/*",
    f"\n;return {LEAK}//",
    f"\r\nreturn {LEAK}#",
    f"\u2028;return {LEAK}//",
    f"\u2029;return {LEAK}//",
    f"\0;return {LEAK}//",
    f'"""+str({LEAK})+"""',
    f"'''+str({LEAK})+'''",
    f"0;return {LEAK}",
    f"(globalThis.out={LEAK})",
    f"-->{LEAK}",
    f"<!--{LEAK}",
    f"</script>{LEAK}",
    "||true//",
    '"||true||"',
    "0)||(true",
    "true))//",
    "\\",
    "\\\\",
    '"',
    "'",
    "`",
    "<start.v>",
    "{{SECRET}}",
    "__flowport_1__",
    "__proto__",
    "$&",
    "😀\ue000",
    "",
)

JAVASCRIPT = (
    *("return bond.yield / {r} / 100", "return o.new / {r} / 2", "return o.of / {r} / 2", "return o.in / {r} / 2"),
    *("return o.return / {r} / 2", "return o?.typeof / {r} / 2", "return o.await / {r} /g", "return o.case / {r} / 2"),
    *("return i++ / {r} / 2", "return i-- / {r} / 2", "return i++\n/ {r} / 2", "i\n++\ni / {r} / 2"),
    *("return (o) / {r} / 2", "return [1] / {r} / 2", "return {}\n/ {r} / 2", "return ({}) / {r} / 2"),
    *("return `1` / {r} / 2", "return 'a' / {r} / 2", "return /a/ / {r} / 2", "return this / {r} / 2"),
    *("if (o) /{r}/.test('')", "while (0) /[/{r}]/.test('')", "x: /{r}/.test('')", "return o\n/{r}/g"),
    *("return of / {r} / 2; var of", "var async = 1; return async / {r} / 2", "var let_ = 1; return let_ / {r} / 2"),
    *("var yield = 1; return yield / {r} / 2", "class A { static { this.x = /{r}/ } } return 1"),
    *('return "\\{r}"', "return '\\{r}'", "return `\\{r}`", "return /\\{r}/.test('')", "return /[\\{r}]/.test('')"),
    *(
        'return "\\\\{r}"',
        "return '\\\\\\{r}'",
        "return `\\\\\\{r}`",
        "return /\\\\\\{r}/.test('')",
        'return "\\\n{r}"',
    ),
    *('return "{r}"', "return '{r}'", "return `{r}`", "return `${{1}}{r}${{`{r}`}}`", "return `${{'{r}'}}`"),
    *(
        "return String.raw`{r}`",
        "return String.raw`\\{r}`",
        "return `\\u{{{r}}}`",
        'return "\\x4{r}"',
        "return '\\u00{r}'",
    ),
    *("return /{r}/.test('')", "return /{r}/v.test('')", "return /[{r}]/v.test('')", "return /[^{r}]/u.test('')"),
    *(
        "return /(?:{r})/i.exec('')",
        "return /a{{{r}}}/.test('')",
        "return /(?<n>{r})\\k<n>/.test('')",
        "return /\\1{r}/",
    ),
    *("// {r}\nreturn 1", "/* {r} */ return 1", "return 1 /* {r}", "x <!-- {r}\nreturn 1", "\n--> {r}\nreturn 1"),
    *("// \u2028 {r}\nreturn 1", "// \r {r}\nreturn 1", "#! {r}\nreturn 1", "return 1 // \\\n{r}"),
    *("return {{'{r}': 1}}", "return {{{r}: 1}}", "return {{[{r}]: 1}}", "class A {{ '{r}' = 1 }} return new A()"),
    *(
        "class A {{ x = 1\n'{r}' = 2 }} return new A()",
        "return typeof{r}",
        "return{r}",
        "return x{r}",
        "return {r}x",
        "return 1{r}",
    ),
    *("switch ('') {{ case '{r}': return 1 }}", "return o.{r}", "return o?.['{r}']", "return `${{o}}` + '{r}'\n'{r}'"),
    *("return <div>{r}</div>", "return '{r}", "return `{r}", "return /{r}", "return ({r}", "'use {r}'; return 1"),
    *("return ((a, b = '{r}') => b)()", "return (async () => '{r}')()", "return new Function('return 1')() + '{r}'"),
    *("return '\0{r}'", "return '\ud800{r}'", "return '😀{r}'", "return \u2028'{r}'", "return '\u2028{r}'"),
    *("return <start.v>/{r}/{r}/g", "return a <ghost.x> '{r}'", "return {{{{NOPE}}}} /'/ + {r} + '/'"),
    *("import '{r}'", "import x from '{r}'", "export default '{r}'", "return import('{r}').catch(() => 1)"),
)
PYTHON = (
    *(
        'return "\\{r}"',
        "return '\\{r}'",
        'return "\\\\{r}"',
        "return '\\\\\\{r}'",
        'return """\\{r}"""',
        "return '\\\n{r}'",
    ),
    *('return r"C:\\dir\\{r}"', "return R'\\{r}'", "return rb'\\{r}'", "return Rb'\\\\{r}'", "return bR'''\\{r}'''"),
    *("return '{r}'", 'return "{r}"', "return '''{r}'''", 'return """{r}"""', "return u'{r}'", "return U'\\{r}'"),
    *(
        "return f'{r}'",
        "return F'\\{r}'",
        "return fr'\\{r}'",
        "return rf'{{{{}}}}{r}'",
        "return f'{{1:{r}}}'",
        "return f'{{{r}}}'",
    ),
    *(
        "return f'{{{r}!r:>{{1}}}}'",
        "return f'{{\"{r}\"}}'",
        "return f'{{'{r}'}}'",
        "return f'{{f'{{1}}{r}'}}'",
        "return f'{{{r}=}}'",
    ),
    *(
        "return b'{r}'",
        "return b'a' b'{r}'",
        "return 'a' '{r}' f'{r}' \"{r}\"",
        "return ('a'\n'{r}')",
        "return '{{}}{r}'",
    ),
    *("return '\\N{{{r}}}'", "return '\\x4{r}'", "return '\\u00{r}'", "return '%s{r}' % 1", "return '{r}'.format(1)"),
    *("# {r}\nreturn 1", "# \r{r}\nreturn 1", "return 1 # {r}", "# \\\n{r}\nreturn 1", "return (1, # '\n'{r}')"),
    *("match 1:\n  case {r}: return 1", "match 1:\n  case '{r}': return 1", "match {r}:\n  case _: return '{r}'"),
    *("return (x := '{r}')", "return 1if'{r}'else 2", "return[{r}]", "return x{r}", "return {r}x", "return 0x{r}"),
    *(
        "@(lambda f: f)\ndef g(a='{r}'): return a\nreturn g()",
        "class A:\n  x = '{r}'\nreturn A.x",
        "return {{'{r}': 1}}",
    ),
    *("return '{r}", 'return """{r}', "return ({r}", "return \\\n'{r}'", "if 1:\n\treturn '{r}'", "print '{r}'"),
    *(
        "return '\0{r}'",
        "return '\ud800{r}'",
        "return '😀{r}'",
        "return '\x0c{r}'",
        "lambda: '{r}'\nreturn 1",
        "t'{r}'",
    ),
)
CONDITIONS = (
    *('"\\{r}" === "admin"', "'\\{r}' === 'admin'", "`\\{r}` === 'admin'", '"{r}" === "admin"', "{r} === 'admin'"),
    *("o.yield / {r} / 2 === 'admin'", "/^{r}$/.test('admin')", "/\\{r}/.test('admin')", "/[{r}]{{9}}/.test('admin')"),
    *("'a'\n+ '{r}' === 'admin'", "`${{'{r}'}}` === 'admin'", "(1, '{r}') === 'admin'", "false && ('{r}')"),
    *("'admin' === '{r}' // {r}", "'{r}' === 'admin' <!-- {r}", "({r}) === 'admin'", "'{r}'.x", "'{r}' === 'admin"),
)


def filled(code: str) -> str:
    """Return a template of this module with the reference in it."""
    doubled = (
        code if "{{" in code or "}}" in code else code.replace("{", "{{").replace("}", "}}").replace("{{r}}", "{r}")
    )
    return doubled.format(r="<start.v>")
