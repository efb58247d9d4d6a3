"""`python -m gateway.admin_password`: gives the first admin a new password, and prints it once."""

import asyncio
import sys

from gateway.access.models import new_password
from gateway.first_key import set_admin_password
from gateway.settings import GatewaySettings
from shared.settings import load_settings


def main() -> None:
    """Reset the password for an operator with access to the database."""
    created = asyncio.run(set_admin_password(load_settings(GatewaySettings), new_password()))
    sys.stdout.write(f"{created.admin_email} {created.password}\n")


if __name__ == "__main__":
    main()
