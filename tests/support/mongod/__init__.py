"""A stand-in for MongoDB's server, since no mongod can be installed where these tests run.

`install` puts an executable `mongod` into a folder for a PATH. It takes the options that MongoDB 8.0 documents and
refuses others, keeps the rules of key files, of the first user and of replica sets, and lets SecantusDB do the rest:
see `__main__`.
"""

import sys
from pathlib import Path

VERSION = "8.0.4"


def install(folder: Path, *, version: str = VERSION) -> Path:
    """Write the executable into `folder`."""
    folder.mkdir(parents=True, exist_ok=True)
    program = folder / "mongod"
    root = Path(__file__).parents[3]
    program.write_text(
        f"#!{sys.executable}\n"
        "import sys\n"
        'if sys.argv[1:] == ["--version"]:\n'
        f'    print("db version v{version}\\nBuild Info: {{}}")\n'
        "    sys.exit()\n"
        f"sys.path.insert(0, {str(root)!r})\n"
        "from tests.support.mongod.__main__ import main\n"
        f"main(sys.argv[1:], {version!r})\n"
    )
    program.chmod(0o755)
    return program
