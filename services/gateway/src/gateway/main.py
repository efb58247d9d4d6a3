"""Process of the gateway."""

import sys

from gateway.bootstrap import build
from gateway.bootstrap.first_start import FirstPassword
from gateway.settings import GatewaySettings
from shared.settings import load_settings
from shared.web.server import serve


def main() -> None:
    """Serve until stopped."""
    settings = load_settings(GatewaySettings)
    serve(build(settings, on_first_password=_print_password), settings, port=settings.gateway_port)


def _print_password(first: FirstPassword) -> None:
    # Printed to the operator and never logged: the clear text is stored nowhere.
    sys.stderr.write(f"The first admin signs in as {first.admin_email} with the password {first.password}\n")


if __name__ == "__main__":
    main()
