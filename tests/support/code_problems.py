"""Problems of the code of a function block."""

from textwrap import indent

from shared.workflow.catalog import Catalog
from shared.workflow.compile.compiler import compile_workflow
from shared.workflow.files.reader import read_file
from shared.workflow.validate.validator import problems

CATALOG = Catalog()
START = """
blocks:
  Start:
    type: start
    inputs: {text: string, amount: number, vip: boolean, options: object, items: array, papers: "file[]"}
"""


def code_problems(code: str, language: str) -> list[str]:
    """Return the messages about a workflow whose function has this code."""
    function = f"  Run:\n    type: function\n    language: {language}\n    code: |\n{indent(code, ' ' * 6)}\n"
    file = read_file(f"{START}{function}  Reply:\n    type: response\n    data: {{a: <run.result>}}\n", catalog=CATALOG)
    return [each.message for each in (*file.problems, *problems(compile_workflow(file.state)))]
