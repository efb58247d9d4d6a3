"""Session of commands that call a server: the API client and the output, from `--profile` and `--json`."""

import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Concatenate, ParamSpec, TypeAlias

import typer

from flowport.client.api_client import ApiClient
from flowport.client.profiles import resolve_profile
from flowport.output import Output

P = ParamSpec("P")
Function: TypeAlias = Callable[Concatenate["Session", P], None]

ProfileName = Annotated[str | None, typer.Option("--profile", help="Profile to use; see `flowport profiles list`.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print one JSON document.")]
WorkflowName = Annotated[str, typer.Argument(metavar="WORKFLOW", help="Id or name of the workflow.")]


@dataclass(frozen=True)
class Session:
    """API client and output of one command."""

    client: ApiClient
    output: Output


def command(app: typer.Typer, name: str | None = None) -> Callable[[Function[P]], Function[P]]:
    """Register a function that takes a Session as a command of `app`, and add `--profile` and `--json`."""

    def register(function: Function[P]) -> Function[P]:
        def call(*args: P.args, **options: P.kwargs) -> None:
            profile, as_json = options.pop("profile"), bool(options.pop("as_json"))
            with ApiClient(resolve_profile(profile if isinstance(profile, str) else None)) as client:
                function(Session(client, Output(as_json=as_json)), *args, **options)

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
