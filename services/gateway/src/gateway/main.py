"""Process of the gateway."""

import sys
from typing import TYPE_CHECKING

from shared.garbage_collection import no_collections

if TYPE_CHECKING:
    from gateway.first_start import FirstPassword


def main() -> None:
    """Serve until stopped."""
    with no_collections():
        from gateway.app import build  # noqa: PLC0415
        from gateway.settings import GatewaySettings  # noqa: PLC0415
        from shared.settings import load_settings  # noqa: PLC0415
        from shared.web.server import serve  # noqa: PLC0415

        settings = load_settings(GatewaySettings)
        app = build(settings, on_first_password=_print_password)
    serve(app, settings, port=settings.gateway_port)


def _print_password(first: "FirstPassword") -> None:
    # Printed to the operator and never logged: the clear text is stored nowhere.
    sys.stderr.write(f"The first admin signs in as {first.admin_email} with the password {first.password}\n")


if __name__ == "__main__":
    main()
