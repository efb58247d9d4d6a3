"""Where this process logs while its terminal is for people."""

import logging
from logging.handlers import RotatingFileHandler
from pathlib import Path
from typing import Final

from shared.observe.logging import configure_logging
from shared.settings import CommonSettings
from shared.settings_reading import read_settings

LARGEST_BYTES: Final = 20 * 1024 * 1024
OLDER_FILES: Final = 4


def log_to(path: Path) -> None:
    """Send all that is logged in this process to the end of a file; of what it was filled with, the latest stays."""
    settings = read_settings(CommonSettings)
    configure_logging("flowport", level=settings.log_level, form=settings.log_format)
    file = RotatingFileHandler(path, maxBytes=LARGEST_BYTES, backupCount=OLDER_FILES, encoding="utf-8")
    root = logging.getLogger()
    for handler in list(root.handlers):
        file.setFormatter(handler.formatter)
        root.removeHandler(handler)
    root.addHandler(file)
