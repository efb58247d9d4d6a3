"""deploy/Dockerfile and deploy/compose.yaml, as far as they can be checked without a container engine."""

import os
import re
import shlex
import stat
import subprocess
import sys
from ipaddress import ip_address, ip_network
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.support.dockerfile import lineage, stages
from tests.support.fake_service import FakeService
from tools.reference.configuration import SETTINGS

from deploy_service.settings import DeploySettings
from executor_service.providers import ProviderSettings
from executor_service.providers.endpoints import keyed_providers
from shared.broker.permissions import broker_user
from shared.service import ServiceName
from shared.settings import CommonSettings, setting_variables

ROOT = Path(__file__).parents[3]
DEPLOY = ROOT / "deploy"
SERVICES = [service.value for service in ServiceName]
PROJECT = yaml.safe_load((DEPLOY / "compose.yaml").read_text())
COMPOSE = PROJECT["services"]
VENDOR_KEYS = [name for name in COMPOSE["executor-service"]["environment"] if name.endswith("_API_KEY")]
OUTSIDE = re.compile(r"""['"(]((?:\.\./)+[^'")]+)""")
PINNED = re.compile(r"[\w./-]+:v?\d+\.\d+[\w.-]*")


def test_bases_are_pinned_to_a_version() -> None:
    defaults = dict(re.findall(r"^ARG (\w+)=(\S+)$", (DEPLOY / "Dockerfile").read_text(), re.MULTILINE))
    for stage in stages().values():
        argument = re.fullmatch(r"\$\{(\w+)\}", stage.base)
        assert argument is None or PINNED.fullmatch(defaults[argument[1]]), stage.base
    for name, service in COMPOSE.items():
        assert "build" in service or PINNED.fullmatch(service["image"]), name


def test_build_backends_are_pinned_by_hash() -> None:
    """`--constraint` applies only to packages that are installed."""
    building = [stage for stage in stages().values() if "uv pip install" in " ".join(step[1] for step in stage.steps)]
    assert len(building) == len(SERVICES) + 1
    assert {stage.base for stage in building} == {"build"}
    assert {"UV_BUILD_CONSTRAINT=requirements.lock", "UV_REQUIRE_BUILD_HASHES=1"} <= set(
        stages()["build"].last("ENV").split()
    )


@pytest.mark.parametrize("name", [*SERVICES, "tools"])
def test_an_image_ends_as_an_ordinary_user_without_a_shell_between(name: str) -> None:
    chain = lineage(name)
    assert next(stage.last("USER") for stage in chain if stage.last("USER")) == "10001:10001"
    assert chain[0].last("ENTRYPOINT").startswith('["')
    assert chain[-1].base == "${PYTHON}"


@pytest.mark.parametrize("name", SERVICES)
def test_two_builds_of_one_version_are_distinguished(name: str) -> None:
    """Otherwise the alert FlowportVersionsDiffer and the doctor could not detect a stuck roll-out."""
    assert stages()[name].last("ENV") == "FLOWPORT_BUILD=$BUILD"
    assert COMPOSE[name]["build"]["args"]["BUILD"] in COMPOSE[name]["image"]
    assert "--build-arg BUILD=$(TAG) --tag $(IMAGES)/$$target:$(TAG)" in (ROOT / "Makefile").read_text()


def test_copied_files_exist_and_are_not_ignored() -> None:
    ignored = (DEPLOY / "Dockerfile.dockerignore").read_text().splitlines()
    for stage in stages().values():
        for instruction, argument in stage.steps:
            if instruction == "COPY" and not argument.startswith("--from"):
                for source in shlex.split(argument)[:-1]:
                    assert (ROOT / source).exists(), source
                    assert f"!{source.split('/')[0]}" in ignored, source


def test_no_package_of_the_console_runs_a_script_when_it_is_installed() -> None:
    """One of them, a dependency of swagger-ui-dist, would report the installation to its maker."""
    assert "ignore-scripts=true" in (ROOT / "console/.npmrc").read_text().splitlines()
    copied = [argument for step, argument in stages()["console"].steps if step == "COPY"]
    assert "console/.npmrc" in copied[0].split()


def test_the_console_is_built_from_what_its_stage_copies() -> None:
    """`make test` builds no image of this stage: it runs the same two commands in the whole repository."""
    steps = stages()["console"].steps
    assert [argument for step, argument in steps if step == "RUN"] == ["npm ci --no-audit --no-fund", "npm run build"]
    copied = {ROOT / shlex.split(argument)[0] for step, argument in steps[2:] if step == "COPY"}
    assert {folder.relative_to(ROOT).as_posix() for folder in copied} == {
        "console",
        "cli/src/flowport/templates",
        "docs",
    }
    for file in (*(ROOT / "console/src").rglob("*.*"), *(ROOT / "console").glob("*.html")):
        for name in OUTSIDE.findall(file.read_text()) if file.suffix in (".ts", ".tsx", ".css", ".html") else ():
            imported = (file.parent / name).resolve()
            assert any(imported.is_relative_to(folder) for folder in copied), f"{file} imports {name}"


def test_the_proxy_finds_a_recreated_gateway() -> None:
    site = (DEPLOY / "nginx/flowport.conf").read_text()
    assert re.search(r"^resolver 127\.0\.0\.11 valid=\d+s", site, re.MULTILINE), "the engine's own DNS"
    assert re.search(r"upstream gateway \{\s+zone .*\s+server gateway:8080 resolve;", site)
    idle = re.search(r"^    keepalive_timeout (\d+)s;", site, re.MULTILINE)
    notice = CommonSettings.model_fields["drain_notice_seconds"].default
    assert idle is not None, "else it keeps connections for a minute, and a gateway that stops closes them under a call"
    assert int(idle[1]) < notice
    version = COMPOSE["nginx"]["image"].rpartition(":")[2].partition("-")[0]
    assert tuple(map(int, version.split("."))) >= (1, 27, 3), "older ones know `resolve` only for money"
    assert COMPOSE["nginx"]["depends_on"]["gateway"]["restart"] is True


def test_the_doctor_runs_only_on_request_and_knows_every_address() -> None:
    doctor = COMPOSE["doctor"]
    assert doctor["profiles"], "`up` does not start it"
    given = doctor["environment"]
    assert {"FLOWPORT_AMQP_MANAGEMENT_URL", "FLOWPORT_MONGODB_URI", "FLOWPORT_URL", "FLOWPORT_EXECUTOR_URL"} <= set(
        given
    )
    urls = [
        given[name] for name in ("FLOWPORT_URL", "FLOWPORT_EXECUTOR_URL", "FLOWPORT_DEPLOY_URL", "FLOWPORT_JOBS_URL")
    ]
    assert {url.removeprefix("http://").partition(":")[0] for url in urls} == set(SERVICES)


def test_the_doctor_has_every_secret_of_the_services() -> None:
    """Otherwise it reports them as missing."""
    required = {
        name for each in SERVICES for name, value in COMPOSE[each]["environment"].items() if str(value).endswith(":?}")
    }
    assert required - set(COMPOSE["doctor"]["environment"]) == set()


def test_every_service_and_target_is_in_compose() -> None:
    built = {service["build"]["target"]: name for name, service in COMPOSE.items() if "build" in service}
    assert set(built) == {*SERVICES, "tools"}
    assert set(built) <= set(stages())


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_runs_locked_down_and_stops_in_time(name: str) -> None:
    service = COMPOSE[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert "no-new-privileges:true" in service["security_opt"]
    assert int(service["stop_grace_period"].removesuffix("s")) > 25
    assert service["healthcheck"]["test"][0] == "CMD"


@pytest.mark.parametrize("name", ["nginx", "prometheus", "alertmanager"])
def test_a_server_that_starts_as_an_ordinary_user_can_gain_no_privilege(name: str) -> None:
    assert COMPOSE[name]["cap_drop"] == ["ALL"]
    assert COMPOSE[name]["security_opt"] == ["no-new-privileges:true"]


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_has_the_memory_that_kubernetes_gives_it(name: str) -> None:
    """One with a leak ends, and not another container of the machine."""
    (limit,) = re.findall(r"limits: \{.*memory: (\w+)\}", (ROOT / f"k8s/base/{name}.yaml").read_text())
    assert COMPOSE[name]["mem_limit"] == limit.removesuffix("i").lower()
    assert COMPOSE[name]["pids_limit"] > 0


@pytest.mark.parametrize("name", SERVICES)
def test_health_checks_bypass_the_proxy(name: str) -> None:
    """An engine passes its own proxy to its containers, and operators may name one for models in HTTP_PROXY."""
    arguments = COMPOSE[name]["healthcheck"]["test"][2:-1]
    with FakeService(name) as well, FakeService(name, problems=("store: away",)) as ill:
        for service, code in ((well, 0), (ill, 1)):
            command = [sys.executable, *arguments, service.url.rpartition(":")[2]]
            proxied = {**os.environ, "http_proxy": "http://127.0.0.1:1", "no_proxy": ""}
            done = subprocess.run(command, env=proxied, stderr=subprocess.DEVNULL, timeout=60, check=False)
            assert done.returncode == code


def test_mongodb_has_time_for_an_orderly_stop() -> None:
    """On SIGTERM it gives callers in progress 15 seconds; the engine's own timeout is 10."""
    assert int(COMPOSE["mongodb"]["stop_grace_period"].removesuffix("s")) > 15


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_only_settings_that_it_knows(name: str) -> None:
    known = {
        variable
        for kind in SETTINGS[name]
        for field in kind.model_fields
        for variable in setting_variables(kind, field)
    }
    assert set(COMPOSE[name]["environment"]) - known == set()


@pytest.mark.parametrize("keys", [[], *([key] for key in VENDOR_KEYS), VENDOR_KEYS])
def test_deploy_service_knows_which_vendors_the_executor_has_a_key_of(keys: list[str]) -> None:
    given = {name.lower(): "key" if name in keys else "" for name in VENDOR_KEYS}
    named = re.sub(
        r"\$\{(\w+):\+(\w+)\}",
        lambda named: named[2] if named[1] in keys else "",
        COMPOSE["deploy-service"]["environment"]["FLOWPORT_KEYED_PROVIDERS"],
    )
    deploy = DeploySettings.model_validate({"keyed_providers": named})
    assert set(deploy.keyed_providers) == keyed_providers(ProviderSettings.model_validate(given))


def test_only_services_that_own_data_reach_the_store() -> None:
    """It has no users, so that the network alone keeps a captured executor out."""
    assert COMPOSE["mongodb"]["networks"] == ["store"]
    owners = {name for name, service in COMPOSE.items() if "FLOWPORT_MONGODB_URI" in service.get("environment", ())}
    assert {name for name, service in COMPOSE.items() if "store" in service.get("networks", ())} == {*owners, "mongodb"}
    assert all(COMPOSE[name]["networks"] == ["default", "store"] for name in owners)


@pytest.mark.parametrize("name", ["gateway", "executor-service"])
def test_a_service_without_callers_knows_only_its_own_token(name: str) -> None:
    tokens = [variable for variable in COMPOSE[name]["environment"] if variable.startswith("FLOWPORT_TOKEN_")]
    assert tokens == [f"FLOWPORT_TOKEN_{name.partition('-')[0].upper()}"]


@pytest.mark.parametrize("service", ServiceName)
def test_a_service_enters_the_broker_as_itself(service: ServiceName) -> None:
    assert f"//{broker_user(service)}:" in COMPOSE[service.value]["environment"]["FLOWPORT_AMQP_URL"]


@pytest.mark.parametrize("name", COMPOSE)
def test_container_logs_do_not_fill_the_disk(name: str) -> None:
    logging = COMPOSE[name]["logging"]
    assert logging["driver"] == "json-file"
    assert {"max-size", "max-file"} <= set(logging["options"])


def test_dependencies_between_containers_exist() -> None:
    for name, service in COMPOSE.items():
        waits: Any = service.get("depends_on", {})
        for other in waits:
            assert other in COMPOSE, name
            if isinstance(waits, dict) and waits[other]["condition"] == "service_healthy":
                assert "healthcheck" in COMPOSE[other], f"{name} waits for {other} to be healthy"


def test_mounted_files_are_there() -> None:
    for service in COMPOSE.values():
        for volume in service.get("volumes", []):
            source = volume.split(":")[0]
            assert not source.startswith("./") or (DEPLOY / source).exists(), source


def test_the_executor_has_our_seccomp_profile() -> None:
    """Relative to the compose file, and the one that Kubernetes nodes get."""
    (profile,) = [each for each in COMPOSE["executor-service"]["security_opt"] if each.startswith("seccomp")]
    assert (DEPLOY / profile.partition(":")[2]).resolve() == ROOT / "k8s/seccomp/flowport-executor.json"


def test_everything_that_runs_has_a_health_check() -> None:
    """`up --wait` waits only for the start of a container that has none."""
    continuous = {name for name, service in COMPOSE.items() if "restart" in service}
    assert {name for name, service in COMPOSE.items() if "healthcheck" in service} == continuous


def test_nginx_is_healthy_once_it_serves_a_page_of_the_gateway() -> None:
    (url,) = [argument for argument in COMPOSE["nginx"]["healthcheck"]["test"] if argument.startswith("http")]
    (port,) = re.findall(r"listen (\d+);", (DEPLOY / "nginx/flowport.conf").read_text())
    assert url == f"http://127.0.0.1:{port}/"


def test_every_required_secret_is_created_once_and_readable_by_its_owner_only(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    make = [DEPLOY / "make-env", file]
    needed = set(re.findall(r"\$\{(\w+):\?\}", (DEPLOY / "compose.yaml").read_text()))
    subprocess.run(make, timeout=60, check=True)
    values = dict(line.split("=", 1) for line in file.read_text().splitlines())
    assert set(values) == needed
    assert len(set(values.values())) == len(values)
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert subprocess.run(make, capture_output=True, timeout=60, check=False).returncode != 0
    assert values == dict(line.split("=", 1) for line in file.read_text().splitlines())


def test_ports_are_published_on_this_machine_only() -> None:
    ports = [port for service in COMPOSE.values() for port in service.get("ports", [])]
    assert ports
    assert all(port.startswith("127.0.0.1:") for port in ports)


def test_compose_conforms_to_its_specification() -> None:
    """Return the schema of compose-spec.org, as check-jsonschema bundles it."""
    checker = Path(sys.executable).with_name("check-jsonschema")
    command = [str(checker), "--builtin-schema", "vendor.compose-spec", str(DEPLOY / "compose.yaml")]
    checked = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_gateway_trusts_only_the_proxy_in_front_of_it() -> None:
    """Otherwise all callers would share one address and its limits."""
    address = COMPOSE["nginx"]["networks"]["default"]["ipv4_address"]
    assert COMPOSE["gateway"]["environment"]["FLOWPORT_TRUSTED_PROXIES"] == f"{address}/32"


def test_no_other_container_is_given_the_address_of_the_proxy() -> None:
    """Containers that start before it get the first free addresses of the range."""
    (pool,) = PROJECT["networks"]["default"]["ipam"]["config"]
    subnet, free, gateway = ip_network(pool["subnet"]), ip_network(pool["ip_range"]), ip_address(pool["gateway"])
    fixed = ip_address(COMPOSE["nginx"]["networks"]["default"]["ipv4_address"])
    assert all(address in subnet and address not in free for address in (fixed, gateway))
    assert fixed != gateway
    assert f"`{gateway}/32`" in (ROOT / "docs/operations/compose.md").read_text()
