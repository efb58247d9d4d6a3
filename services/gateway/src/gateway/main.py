"""The gateway as a process of its own."""

from gateway.bootstrap import build
from gateway.settings import GatewaySettings
from shared.web.server import serve


def main() -> None:
    """Serve until told to stop."""
    settings = GatewaySettings()
    serve(build(settings), settings, port=settings.gateway_port)


if __name__ == "__main__":
    main()
