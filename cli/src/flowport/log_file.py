"""Where this process logs while its terminal is for people."""

import logging
from pathlib import Path

from shared.observe.logging import configure_logging
from shared.settings import CommonSettings
from shared.settings_reading import read_settings


def log_to(path: Path) -> None:
    """Send all that is logged in this process to the end of a file."""
    settings = read_settings(CommonSettings)
    configure_logging("flowport", level=settings.log_level, form=settings.log_format)
    for handler in logging.getLogger().handlers:
        if isinstance(handler, logging.StreamHandler):
            handler.setStream(path.open("a", encoding="utf-8"))
