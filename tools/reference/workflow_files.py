"""docs/workflow-files.md and docs/workflow.schema.json, from the catalog."""

from collections.abc import Iterator
from typing import Final

import msgspec

from shared.workflow.catalog import BlockSpec, Catalog, SubBlockSpec
from shared.workflow.files.names import BLOCK_KEYS, BRANCHING, TYPE_ALIASES
from shared.workflow.files.schema import file_schema

_HEAD: Final = """# Workflow files

How to write a workflow as a YAML file, check it, and deploy it. `make docs` generates this page from the catalog of
block types; do not edit it. JSON exports of Sim and of Flowport are accepted everywhere, too.

```sh
flowport init support.yaml --template branches       # agent, branches or approval
flowport dev support.yaml --once -f message="Hello"  # checks and runs the file; without --once, on every save
flowport validate support.yaml                       # all mistakes at once, each with its line and fix
flowport fmt support.yaml                            # one canonical form; comments stay
flowport deploy support.yaml
flowport export Support --output support.yaml        # the draft as a file; --no-layout without ids and positions
```

## Example

```yaml
name: Route support
description: Sorts a message and answers it.

blocks:
  Start:
    type: start
    inputs:
      message: string
      amount: {type: number, default: 0, description: Amount of the order.}

  Classify:
    type: function
    code: |
      return { urgent: <start.amount> > 1000 || /down/i.test(<start.message>) };

  Check:
    type: condition
    branches:
      - if: <classify.result.urgent>
        next: Escalate
      - else: Answer

  Escalate:
    type: response
    data: {queue: on-call}
    status: 202

  Answer:
    type: agent
    messages:
      - system: Answer the customer in one sentence.
      - user: <start.message>
    model: gpt-5-mini

  Reply:
    type: response
    data: {answer: <answer.content>}
```

`blocks` maps names to blocks. References use the name in lower case without spaces: *Check order* is
`<checkorder.…>` ([references](workflows.md#references)).

## Connections

- **By order.** A block that no other block names follows the block above it. In the example, *Classify* follows
  *Start* and *Reply* follows *Answer*; *Escalate* and *Answer* follow *Check* only, because *Check* names them.
  Nothing follows a response or a branch by order, and a start block follows nothing.
- **`next`** names the following block, or a list of blocks that then run in parallel. `next: []` ends here.
- **`on_error`** names the block that runs if this one fails.
- **`branches`** of a condition: a list of `if`, `else if` and `else`, each with `next`. `- else: Answer` is short for
  an `else` with `next`. Of a router (`router_v2`): a list of `route` (a title), `when` (what the model chooses by) and
  `next`.
- **`edges`** at the top level lists all connections explicitly, `{from, handle, to}`. Nothing then follows by order.

## Loops and parallels

Blocks inside are under `blocks` of the loop, and connected in the same way. A block after the loop follows it when it
has ended. `start` names the first blocks inside; default: those that follow no other.

```yaml
  Each order:
    type: loop            # or parallel
    collection: <start.orders>
    blocks:
      Check:
        type: function
        code: return <loop.currentItem>.total > 100
```

| key | |
|---|---|
| `count` | number of iterations, or of parallel branches |
| `collection` | a list, or a reference to one |
| `while`, `do_while` | loop: JavaScript expression, evaluated before or after each iteration |
| `batchSize` | parallel: branches at a time, 1 to 20 |

## Keys of every block

| key | |
|---|---|
| `type` | see [below](#settings); `start` is short for `start_trigger` |
| `enabled` | `false` leaves the block out |
| `retry` | `{maxTries: 3, waitBetweenTriesMs: 1000}` |
| `id` | default: the id of the draft's block with this name, or one that follows from the name |
| `layout` | `[x, y]` on the canvas, of loops and parallels with width and height. Default: the position of the \
draft's block with this name; new blocks are arranged so that branches show |
| `name` | display name, if it differs from the key |
| `settings` | settings as stored, without the short forms below; also for settings with the name of another key |
| `blockData`, `advancedMode`, `triggerMode`, `errorEnabled`, `horizontalHandles` | data of Sim's editor, in \
exported files |

## Variables

`variables` maps names to values. The type follows from the value; `{type: array, value: []}` states it.

## Short forms

| setting | short form |
|---|---|
| `inputs` (`inputFormat`) | names mapped to a type (`string`, `number`, `boolean`, `object`, `array`, `file[]`) or \
to `{type, default, description, required}` |
| `messages` | a list of `system:`, `user:` and `assistant:`; a text is one user message |
| `headers`, `params` | names mapped to values |
| `data` of a response, `body` of a call | a mapping becomes JSON in which values are escaped. A value that is one \
reference keeps its type. `dataMode: json` is the default with `data` |
| `responseFormat`, `inputMapping`, `arguments` | a mapping becomes JSON |

YAML is read as version 1.2: `yes`, `no` and dates are texts. Anchors, aliases and tags are refused. Quote a text that
begins with `{`, `[`, `@` or a quote, such as `"{{TOKEN}}"`, and one that contains `: ` or ` #`; write code after `|`.

## Editors

The [JSON Schema](workflow.schema.json) completes and checks files in editors. A server has it at
`/schemas/workflow.json`, including its plugins' block types; `flowport schema` prints it. In VS Code with the YAML
extension, begin a file with:

```yaml
# yaml-language-server: $schema=http://localhost:8080/schemas/workflow.json
```

## Settings

`*` marks required settings. [Blocks](blocks.md) lists the outputs.
"""


def workflow_files_page() -> str:
    """Return the page."""
    return "\n".join([_HEAD, *_types()]) + "\n"


def workflow_schema() -> str:
    """Return the schema of files with the core block types."""
    return msgspec.json.format(msgspec.json.encode(file_schema(Catalog())), indent=1).decode() + "\n"


def _types() -> Iterator[str]:
    aliases = {kind: alias for alias, kind in TYPE_ALIASES.items()}
    yield "| type | key | values |"
    yield "|---|---|---|"
    for spec in Catalog():
        name = f"`{aliases.get(spec.type, spec.type)}`"
        for setting in _listed(spec):
            yield f"| {name} | {_key(setting)} | {_values(setting)} |"
            name = ""


def _listed(spec: BlockSpec) -> list[SubBlockSpec]:
    return [setting for setting in spec.sub_blocks if setting.id not in BRANCHING.values()]


def _key(setting: SubBlockSpec) -> str:
    name = "inputs" if setting.id == "inputFormat" else setting.id
    shown = f"settings: {{{name}}}" if name in BLOCK_KEYS and name != "inputs" else name
    return f"`{shown}`{'*' if setting.required else ''}"


def _values(setting: SubBlockSpec) -> str:
    parts = [setting.title]
    if literals := setting.options or setting.values:
        parts.append(", ".join(f"`{each}`" for each in literals))
    if setting.number is not None:
        parts.append(str(setting.number))
    if setting.type == "switch":
        parts.append("`true` or `false`")
    if setting.default is not None:
        parts.append(f"default `{setting.default}`")
    if setting.condition is not None:
        words = ", ".join(f"`{each}`" for each in setting.condition.is_in if not isinstance(each, bool))
        parts.append(f"{'not ' if setting.condition.negated else ''}with `{setting.condition.field}` {words}".rstrip())
    return "; ".join(parts)
