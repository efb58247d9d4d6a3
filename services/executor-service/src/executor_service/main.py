"""Entry point of executor-service."""

from shared.garbage_collection import no_collections


def main() -> None:
    """Serve until SIGTERM; active runs get the drain time."""
    with no_collections():
        from executor_service.bootstrap import build  # noqa: PLC0415
        from executor_service.settings import ExecutorSettings  # noqa: PLC0415
        from shared.settings import load_settings  # noqa: PLC0415
        from shared.web.server import serve  # noqa: PLC0415

        settings = load_settings(ExecutorSettings)
        app = build(settings)
    serve(app, settings, port=settings.executor_port)


if __name__ == "__main__":
    main()
