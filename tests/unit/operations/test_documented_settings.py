"""Pages name existing settings, their readers, and the limits of plans."""

import re
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest
from tools.reference.configuration import SETTINGS

from gateway.access.plans import PlanName, RateKind
from gateway.settings import GatewaySettings
from shared.settings import setting_variables

ROOT = Path(__file__).parents[3]
PAGES = sorted((*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "examples").rglob("*.md")))
NAMED = re.compile(r"\bFLOWPORT_[A-Z][A-Z_]*")
READ_BY = {
    service: {variable for kind in kinds for field in kind.model_fields for variable in setting_variables(kind, field)}
    for service, kinds in SETTINGS.items()
}
OF_A_SERVICE = re.compile(
    r"`((?:FLOWPORT_)?[A-Z][A-Z_]+)(?:…|=[^`]*)?` (?:on|of) (?:the )?(gateway|deploy|executor|jobs)"
)


def known() -> Iterator[str]:
    """Yield every variable that a service, the command line, the tests or an installation reads."""
    for variables in READ_BY.values():
        yield from variables
    sources = (*(ROOT / "cli/src").rglob("*.py"), *(ROOT / "shared/src").rglob("*.py"), *(ROOT / "tests").rglob("*.py"))
    for file in (*sources, ROOT / "deploy/compose.yaml", ROOT / "Makefile"):
        if file != Path(__file__):
            yield from NAMED.findall(file.read_text())


KNOWN = frozenset(known())


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_variable_on_a_page_has_a_reader(page: Path) -> None:
    """A name that ends with `_` is the prefix of several."""
    named = set(NAMED.findall(page.read_text()))
    assert [name for name in sorted(named) if not _is_there(name)] == []


def _is_there(name: str) -> bool:
    return name in KNOWN or (name.endswith("_") and any(variable.startswith(name) for variable in KNOWN))


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_setting_is_attributed_to_a_service_that_reads_it(page: Path) -> None:
    wrong = [
        f"{name} of {service}"
        for name, service in OF_A_SERVICE.findall(page.read_text())
        for read in (next(READ_BY[full] for full in READ_BY if full.startswith(service)),)
        if not any(variable == name or (name.endswith("_") and variable.startswith(name)) for variable in read)
    ]
    assert wrong == []


def test_the_page_of_plans_has_their_numbers() -> None:
    page = (ROOT / "docs/api/rate-limits.md").read_text()
    plans = GatewaySettings.model_construct().plans()
    rows = {row[0].split(" ")[0].rstrip(","): row for row in re.findall(ROW, page, re.MULTILINE)}
    for name in (PlanName.FREE, PlanName.PRO, PlanName.TEAM, PlanName.ENTERPRISE):
        plan = plans[name]
        rates = [str(plan.rate(kind)) for kind in (RateKind.SYNC, RateKind.ASYNC, RateKind.API)]
        times = [f"{seconds // 60} minutes" for seconds in (plan.sync_seconds, plan.async_seconds)]
        assert list(rows[name][1:]) == [*rates, *times, str(plan.concurrency), f"{plan.log_days} days"]
    assert replace(plans[PlanName.MAX], name=PlanName.TEAM) == plans[PlanName.TEAM]


ROW = r"^\| ([\w, ()]+) " + r"\| ([\w ]+) " * 7 + r"\|$"
