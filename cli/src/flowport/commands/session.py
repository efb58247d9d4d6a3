"""What every command that talks to a server has: `--profile` and `--json`, a door and an output."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Concatenate, ParamSpec, TypeAlias

import typer

from flowport.client.door import Door
from flowport.client.profiles import resolve
from flowport.output import Output

P = ParamSpec("P")
Function: TypeAlias = Callable[Concatenate["Session", P], None]

ProfileName = Annotated[str | None, typer.Option("--profile", help="Which profile of `flowport profiles` to use.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document for programs.")]
WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Id or name of the workflow.")]


@dataclass(frozen=True)
class Session:
    """The server, and where to print."""

    door: Door
    output: Output


def command(app: typer.Typer, name: str | None = None) -> Callable[[Function[P]], Function[P]]:
    """Make a command of `app` from a function that takes a Session first; its options come by themselves."""

    def register(function: Function[P]) -> Function[P]:
        def call(*args: P.args, **options: P.kwargs) -> None:
            profile, as_json = options.pop("profile"), bool(options.pop("as_json"))
            with Door(resolve(profile if isinstance(profile, str) else None)) as door:
                function(Session(door, Output(as_json=as_json)), *args, **options)

        _, *parameters = inspect.signature(function, eval_str=True).parameters.values()
        common = {"profile": (ProfileName, None), "as_json": (AsJson, False)}
        signature = inspect.Signature(
            [
                *(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY) for parameter in parameters),
                *(
                    inspect.Parameter(option, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
                    for option, (annotation, default) in common.items()
                ),
            ]
        )
        call.__signature__ = signature  # type: ignore[attr-defined]
        call.__annotations__ = {parameter.name: parameter.annotation for parameter in signature.parameters.values()}
        call.__doc__ = function.__doc__
        app.command(name or function.__name__.removesuffix("_").replace("_", "-"))(call)
        return function

    return register
