"""The process of jobs-service."""

from shared.garbage_collection import no_collections


def main() -> None:
    """Serve until stopped."""
    with no_collections():
        from jobs_service.bootstrap import build  # noqa: PLC0415
        from jobs_service.settings import JobsSettings  # noqa: PLC0415
        from shared.settings import load_settings  # noqa: PLC0415
        from shared.web.server import serve  # noqa: PLC0415

        settings = load_settings(JobsSettings)
        app = build(settings)
    serve(app, settings, port=settings.jobs_port)


if __name__ == "__main__":
    main()
