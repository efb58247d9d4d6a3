"""The process of jobs-service."""

from jobs_service.bootstrap import build
from jobs_service.settings import JobsSettings
from shared.settings import load_settings
from shared.web.server import serve


def main() -> None:
    """Serve until stopped."""
    settings = load_settings(JobsSettings)
    serve(build(settings), settings, port=settings.jobs_port)


if __name__ == "__main__":
    main()
