"""Rules, dashboards and runbooks belong together and use existing metrics."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from tests.support.alert_cases import CASES, write_cases
from tests.support.alert_queries import FOLDER, ROOT, RUNBOOKS, families
from tools.observability.grafana import Dashboard
from tools.observability.grafana_panels import DASHBOARDS
from tools.reference.metrics import metrics
from tools.reference.pages import find_stale
from tools.reference.runbooks import alerts

from gateway.app import build  # noqa: F401 - so that every error of the gateway is known
from shared.errors import AtCapacity, FlowportError, Unavailable

RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
SERIES = re.compile(r"\b(?:flowport|process)_[a-z_]+|\bflowport:[a-z_:0-9]+|\bup\b")


def promtool(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["promtool", *arguments], cwd=ROOT, capture_output=True, text=True, timeout=300, check=False)


def test_pages_that_are_written_from_code_are_fresh() -> None:
    assert find_stale() == [], "run `make docs`"


def test_prometheus_accepts_the_rules() -> None:
    checked = promtool("check", "rules", *map(str, RULES))
    assert checked.returncode == 0, checked.stderr


def test_every_alert_fires_for_its_cause_and_not_for_others(tmp_path: Path) -> None:
    tested = promtool("test", "rules", *map(str, write_cases(tmp_path)))
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_a_case_that_names_another_outcome_fails(tmp_path: Path) -> None:
    for file in write_cases(tmp_path, "FlowportDeadLetters"):
        file.write_text(file.read_text().replace("eval_time: 14h", "eval_time: 10h"))
    tested = promtool("test", "rules", *map(str, tmp_path.glob("case-*.yml")))
    assert "one of the evening fires in the morning" in tested.stderr + tested.stdout
    assert tested.returncode == 1


def test_prometheus_accepts_its_own_configuration() -> None:
    checked = promtool("check", "config", "--syntax-only", "deploy/prometheus/prometheus.yml")
    assert checked.returncode == 0, checked.stderr


def test_alertmanager_accepts_its_configuration() -> None:
    command = ("amtool", "check-config", "deploy/alertmanager/alertmanager.yml")
    checked = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stderr


@pytest.mark.parametrize("name", alerts(ROOT))
def test_every_alert_has_a_page_with_diagnosis_and_actions(name: str) -> None:
    page = (RUNBOOKS / f"{name}.md").read_text()
    assert page.startswith(f"# {name}\n")
    assert page.index("## Look at") < page.index("## Do")
    url = alerts(ROOT)[name]["annotations"]["runbook_url"]
    assert url == f"{{{{ with $externalLabels.runbooks }}}}{{{{ . }}}}{{{{ else }}}}{FOLDER}{{{{ end }}}}/{name}.md"
    for linked in re.findall(r"\]\(([^)]+\.md)\)", page):
        assert (RUNBOOKS / linked).exists(), linked


def test_no_page_remains_of_a_removed_alert() -> None:
    assert {file.stem for file in RUNBOOKS.glob("*.md")} == set(alerts(ROOT))


def test_every_alert_has_a_test() -> None:
    tested = "".join(file.read_text() for file in CASES)
    assert [name for name in alerts(ROOT) if f"alertname: {name}\n" not in tested] == []


def test_a_muted_alert_is_another_effect_of_the_same_fault() -> None:
    """One pod that is down must not hide every ticket: inhibition names alerts and services, never a severity."""
    rules = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())["inhibit_rules"]
    known = alerts(ROOT)
    for rule in rules:
        sources, targets = _matched(rule["source_matchers"]), _matched(rule["target_matchers"])
        assert sources | targets <= known.keys()
        assert not sources & targets
        pages = {name for name in targets if known[name]["labels"]["severity"] == "page"}
        assert pages <= {
            "FlowportNoWorkers",
            "FlowportServiceMissing",
            "FlowportQueueStuck",
            "FlowportJobsRefused",
            "FlowportCallsFailing",
        }
        assert {known[name]["labels"]["severity"] for name in sources} == {"page"}


def _matched(matchers: list[str]) -> set[str]:
    """Return the alerts that matchers name. Beside them only a job may be named."""
    found: dict[str, str] = dict(re.findall(r'(\w+)=~?"([^"]+)"', " ".join(matchers)))
    assert len(found) == len(matchers)
    assert found.keys() <= {"alertname", "job"}
    return set(found["alertname"].split("|"))


def test_two_installations_in_one_prometheus_are_distinguished() -> None:
    """Two installations in separate namespaces: a sum over both hides what one of them lacks."""
    added_up = re.compile(r"\b(?:sum|max|min|count)\b(?! by \(namespace\b)")
    rules = [rule for file in RULES for group in yaml.safe_load(file.read_text())["groups"] for rule in group["rules"]]
    assert [rule for rule in rules if added_up.search(rule["expr"])] == []
    shown = {query for dashboard in DASHBOARDS for query in dashboard.queries()}
    assert [query for query in shown if len(SERIES.findall(query)) != query.count('{namespace=~"$namespace"')] == []
    muted = yaml.safe_load((ROOT / "deploy/alertmanager/alertmanager.yml").read_text())["inhibit_rules"]
    assert all("namespace" in rule["equal"] for rule in muted)


def test_rules_speak_of_metrics_that_exist() -> None:
    known = {metric.name for metric in metrics()}
    assert {name for file in RULES for name in families(file.read_text())} - known == set()


def test_rabbitmq_exports_per_queue_and_connection_metrics_only_on_request() -> None:
    """Each started process and each reconnection has new names and therefore new series, permanently."""
    queries = [file.read_text() for file in RULES] + [query for each in DASHBOARDS for query in each.queries()]
    configurations = [ROOT / "deploy/rabbitmq/rabbitmq.conf", ROOT / "k8s/components/rabbitmq-operator/rabbitmq.yaml"]
    needs_objects = any(re.search(r"rabbitmq_(queue|connection|channel)_", text) for text in queries)
    assert [
        file.name
        for file in configurations
        if ("return_per_object_metrics = true" in file.read_text()) != needs_objects
    ] == []


def test_failed_calls_are_counted_from_the_first_on() -> None:
    """To Prometheus, a series that starts at 1 has not increased: it would miss an outage of seconds after each
    roll-out."""
    imports = "import executor_service.metrics; from gateway.fallback_errors import expose_error_codes"
    shows = "from prometheus_client import generate_latest; print(generate_latest().decode())"
    program = f"{imports}; expose_error_codes(); {shows}"
    command = [sys.executable, "-c", program]
    fresh = subprocess.run(command, capture_output=True, text=True, timeout=60, check=True).stdout
    rules = (ROOT / "deploy/prometheus/rules/slo.yml").read_text()
    refusals = re.search(r'refusals_total\{code=~"([^"]+)"', rules)
    outcomes = re.search(r'runs_total\{mode="stream",outcome=~"([^"]+)"', rules)
    assert refusals
    assert outcomes
    wanted = [f'flowport_gateway_refusals_total{{code="{code}"}} 0' for code in refusals[1].split("|")]
    wanted += [f'flowport_gateway_runs_total{{mode="stream",outcome="{each}"}} 0' for each in outcomes[1].split("|")]
    wanted += [f'flowport_executor_runs_total{{mode="{mode}",status="lost"}} 0' for mode in ("stream", "sync")]
    assert [series for series in wanted if series not in fresh] == []


def test_every_failure_of_ours_counts_as_a_failed_call() -> None:
    rules = (ROOT / "deploy/prometheus/rules/slo.yml").read_text()
    counted = re.search(r'refusals_total\{code=~"([^"]+)"', rules)
    assert counted
    of_the_gateway = (kind for each in (AtCapacity, Unavailable) for kind in _kinds_of(each))
    ours = {kind.code for kind in of_the_gateway if kind.__module__.startswith(("gateway.", "shared."))}
    assert ours - set(counted[1].split("|")) == set()


def test_runbooks_speak_of_metrics_that_exist() -> None:
    known = {metric.name for metric in metrics()}
    assert {name for page in RUNBOOKS.glob("*.md") for name in families(page.read_text())} - known == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_dashboards_speak_of_metrics_that_exist(dashboard: Dashboard) -> None:
    known = {metric.name for metric in metrics()}
    assert {name for query in dashboard.queries() for name in families(query)} - known == set()


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_every_panel_has_a_description(dashboard: Dashboard) -> None:
    panels = [panel for _, row in dashboard.rows for panel in row]
    assert [panel.title for panel in panels if not panel.help.endswith(".")] == []


@pytest.mark.parametrize("dashboard", DASHBOARDS, ids=lambda dashboard: dashboard.uid)
def test_deploys_and_promotes_are_marked(dashboard: Dashboard) -> None:
    marked = json.loads(dashboard.document())["annotations"]["list"]
    assert [re.search(r'action="(\w+)"', annotation["expr"])[1] for annotation in marked] == ["deploy", "promote"]  # type: ignore[index]


def test_names_follow_the_conventions() -> None:
    for metric in metrics():
        assert re.fullmatch(r"flowport_[a-z0-9_]+", metric.name)
        assert metric.name.endswith("_total") == (metric.kind == "counter"), metric.name
        assert not re.search(r"_(ms|millis|minutes|kb|mb)(_|$)", metric.name), metric.name
        assert not {"run", "run_id", "workflow", "workflow_id", "key", "user"} & set(metric.labels), metric.name
        assert metric.meaning.endswith("."), metric.name


def _kinds_of(kind: type[FlowportError]) -> list[type[FlowportError]]:
    return [kind, *(found for child in kind.__subclasses__() for found in _kinds_of(child))]
