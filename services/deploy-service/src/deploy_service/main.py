"""The process of deploy-service."""

from deploy_service.bootstrap import build
from deploy_service.settings import DeploySettings
from shared.settings import load_settings
from shared.web.server import serve


def main() -> None:
    """Serve until stopped."""
    settings = load_settings(DeploySettings)
    serve(build(settings), settings, port=settings.deploy_port)


if __name__ == "__main__":
    main()
