"""Browser of the tests: Debian's headless shell of Chromium, or the program that FLOWPORT_TEST_CHROMIUM names.

Chromium itself draws a window with its own controls for every test, which takes a second of processor time.
"""

import os
from typing import Final

CHROMIUM: Final = os.environ.get("FLOWPORT_TEST_CHROMIUM", "/usr/bin/chromium-headless-shell")
