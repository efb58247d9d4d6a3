"""Workflows whose every step calls the witness."""

from collections.abc import Collection
from itertools import pairwise

from tests.support.workflow_files import START, JsonObject, block, start, workflow


def steps(witness_url: str, *names: str, posts: Collection[str] = ()) -> JsonObject:
    """Return steps in a chain, each a call to `<witness>/<name>/<run>`, where the input `run` names the run.

    A GET may be repeated after a lost worker; the steps in `posts` never are.
    """
    blocks = [
        block(
            name,
            "api",
            f"Step {name}",
            url=f"{witness_url}/{name}/<start.run>",
            method="POST" if name in posts else "GET",
        )
        for name in names
    ]
    chain = [START, *names]
    return workflow("Steps " + " ".join(names), [start(run="string"), *blocks], *pairwise(chain))
