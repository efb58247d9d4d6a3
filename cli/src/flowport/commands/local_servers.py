"""`flowport up` and `flowport stack`. Service imports are local, because they take a second."""

from pathlib import Path
from typing import Annotated

import typer

from flowport.extras import Extra, require_services
from flowport.home import DEFAULT_NAME, Home
from flowport.local.store_kinds import NewStore
from flowport.output import Output
from shared.garbage_collection import no_collections

Port = Annotated[int, typer.Option(envvar="PORT", min=1, max=65535, help="Port of the public API.")]
DeployPort = Annotated[
    int, typer.Option(envvar="FLOWPORT_DEPLOY_PORT", min=1, max=65535, help="Port of deploy-service.")
]
JobsPort = Annotated[int, typer.Option(envvar="FLOWPORT_JOBS_PORT", min=1, max=65535, help="Port of jobs-service.")]
ExecutorPort = Annotated[
    int,
    typer.Option(
        envvar="FLOWPORT_EXECUTOR_PORT",
        min=1,
        max=65535,
        help="Port of the first executor; others use free ports.",
    ),
]
Folder = Annotated[Path, typer.Option("--home", envvar="FLOWPORT_HOME", help="Folder of data, logs and credentials.")]
ReadyAsJson = Annotated[
    bool, typer.Option("--json", help="When ready, print one JSON document with URL, API key and workflows.")
]
Store = Annotated[
    NewStore,
    typer.Option(
        envvar="FLOWPORT_STORE",
        help="Store of a new folder. auto: mongod on the PATH, else SecantusDB. FLOWPORT_MONGODB_URI overrides it.",
    ),
]
Examples = Annotated[
    Path | None, typer.Option(help="Folder of workflow files to deploy; default: the examples that come with Flowport.")
]


def up(
    port: Port = 8080,
    home: Folder = Path(DEFAULT_NAME),
    store: Store = NewStore.AUTO,
    examples: Examples = None,
    as_json: ReadyAsJson = False,
) -> None:
    """Run all services in one process and deploy the examples.

    Example: flowport up --port 9090
    """
    require_services("flowport up", Extra.EMBEDDED)
    with no_collections():
        from flowport.local.lifecycle import run_until_stopped  # noqa: PLC0415
        from flowport.local.up_command import run_up  # noqa: PLC0415

    _check_settings()
    run_until_stopped(run_up(Home(home), port=port, store=store, examples=examples, output=Output(as_json=as_json)))


def stack(
    *,
    port: Port = 8080,
    deploy_port: DeployPort = 8081,
    jobs_port: JobsPort = 8082,
    executor_port: ExecutorPort = 8083,
    executors: Annotated[int, typer.Option(min=1, max=64, help="Number of executors.")] = 1,
    home: Folder = Path(DEFAULT_NAME),
    store: Store = NewStore.AUTO,
    examples: Examples = None,
    as_json: ReadyAsJson = False,
) -> None:
    """Run the four services as separate processes, with RabbitMQ and a store.

    Example: flowport stack
    """
    require_services("flowport stack", Extra.EMBEDDED)
    with no_collections():
        from flowport.local.lifecycle import run_until_stopped  # noqa: PLC0415
        from flowport.local.stack_command import run_stack  # noqa: PLC0415
        from shared.service import ServiceName  # noqa: PLC0415

    _check_settings()
    ports = {
        ServiceName.GATEWAY: port,
        ServiceName.DEPLOY: deploy_port,
        ServiceName.JOBS: jobs_port,
        ServiceName.EXECUTOR: executor_port,
    }
    run_until_stopped(
        run_stack(
            Home(home),
            ports=ports,
            executors=executors,
            store=store,
            examples=examples,
            output=Output(as_json=as_json),
        )
    )


def _check_settings() -> None:
    """Validate the settings before anything starts. Raises SystemExit."""
    from flowport.local.service_environment import SETTINGS  # noqa: PLC0415
    from shared.settings import load_settings  # noqa: PLC0415

    for kinds in SETTINGS.values():
        for kind in kinds:
            load_settings(kind)
