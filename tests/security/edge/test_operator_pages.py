"""The nginx of compose blocks the pages that only operators may read."""

from pathlib import Path

import httpx2
import pytest
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.fake_service import FakeService
from tests.support.nginx import deployed_nginx

ROOT = Path(__file__).parents[3]
PATHS = ("/metrics", "/readyz", "/healthz")


@pytest.mark.parametrize("path", PATHS)
def test_it_stays_inside(path: str, tmp_path: Path) -> None:
    with FakeService("gateway") as gateway, deployed_nginx(tmp_path, gateway.url) as outside:
        assert httpx2.get(f"{gateway.url}{path}", timeout=PATIENCE_SECONDS).status_code == 200
        for spelling in (path, f"{path}?x=1", f"/%{ord(path[1]):02x}{path[2:]}"):
            assert httpx2.get(f"{outside}{spelling}", timeout=PATIENCE_SECONDS).status_code == 404


def test_the_operations_page_lists_the_pages_to_hide() -> None:
    duties = (ROOT / "SECURITY.md").read_text().partition("## Your tasks as operator")[2].partition("\n## ")[0]
    assert [path for path in PATHS if f"`{path}`" not in duties] == []
