"""Entry point of executor-service."""

from executor_service.bootstrap import build
from executor_service.settings import ExecutorSettings
from shared.settings import load_settings
from shared.web.server import serve


def main() -> None:
    """Serve until SIGTERM; active runs get the drain time."""
    settings = load_settings(ExecutorSettings)
    serve(build(settings), settings, port=settings.executor_port)


if __name__ == "__main__":
    main()
