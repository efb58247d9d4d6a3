"""The gateway as a process of its own."""

import sys

from gateway.bootstrap import build
from gateway.bootstrap.first_start import FirstPassword
from gateway.settings import GatewaySettings
from shared.settings_reading import read_settings
from shared.web.server import serve


def main() -> None:
    """Serve until told to stop."""
    settings = read_settings(GatewaySettings)
    serve(build(settings, on_first_password=_tell), settings, port=settings.gateway_port)


def _tell(first: FirstPassword) -> None:
    # Shown to whoever starts it, and in no log: it is kept nowhere in clear.
    sys.stderr.write(f"The first admin signs in as {first.admin_email} with the password {first.password}\n")


if __name__ == "__main__":
    main()
