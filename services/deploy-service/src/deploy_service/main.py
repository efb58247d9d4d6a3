"""The process of deploy-service."""

from shared.garbage_collection import no_collections


def main() -> None:
    """Serve until stopped."""
    with no_collections():
        from deploy_service.bootstrap import build  # noqa: PLC0415
        from deploy_service.settings import DeploySettings  # noqa: PLC0415
        from shared.settings import load_settings  # noqa: PLC0415
        from shared.web.server import serve  # noqa: PLC0415

        settings = load_settings(DeploySettings)
        app = build(settings)
    serve(app, settings, port=settings.deploy_port)


if __name__ == "__main__":
    main()
