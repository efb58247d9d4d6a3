"""`make images-check`: build every image's file system, inspect it, and run the services from it.

The official base images come from an image registry; Debian's Python and Node, of the same Debian, represent them.
Everything else follows the Dockerfile, line by line.
"""

import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Final

from tests.images.build import Builder, user_of
from tests.images.root import Root
from tests.images.serving import run_from_images
from tests.support.dockerfile import stages

IMAGES: Final = ("gateway", "deploy-service", "jobs-service", "executor-service", "tools")
UNWANTED: Final = ("gcc", "cc", "make", "pip", "pip3", "uv", "npm", "node", "git", "curl")
"""Programs that no image needs, and that help an intruder."""


def main() -> int:
    """Return 1 when an image violates a promise."""
    with tempfile.TemporaryDirectory(prefix="flowport-images-", dir="/var/tmp") as folder:
        builder = Builder(Path(folder))
        builder.make_bases()
        built = {stage.name: builder.build(stage) for stage in stages().values()}
        found = {name: _unwanted_in(built[name], user_of(stages()[name])) for name in IMAGES}
        servers = Path(folder) / "servers"
        servers.mkdir()
        answers = run_from_images(built, servers)
        for name in IMAGES:
            own = sum(_megabytes(layer) for layer in built[name].layers[1:])
            sys.stdout.write(f"{name:<18} {own:4d} MB above Debian  {' '.join(found[name]) or 'nothing unwanted'}\n")
    sys.stdout.write(f"a workflow run from them in three modes: {'good' if answers.are_good else answers}\n")
    return 0 if answers.are_good and not any(found.values()) else 1


def _unwanted_in(root: Root, user: str) -> list[str]:
    look = (
        f"for name in {' '.join(UNWANTED)}; do command -v $name; done; touch /opt/x 2>/dev/null && echo writable; id -u"
    )
    command = root.served(["/bin/sh", "-c", look], environment={"PATH": "/usr/local/bin:/usr/bin:/bin"}, user=user)
    *unwanted, user_id = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    return [*unwanted, *([] if f"{user_id}:" in user else [f"user {user_id}"])]


def _megabytes(layer: Path) -> int:
    return sum(file.lstat().st_size for file in layer.rglob("*") if not file.is_dir()) // 2**20


if __name__ == "__main__":
    sys.exit(main())
