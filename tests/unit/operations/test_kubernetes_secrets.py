"""The manifests give each service only settings that it knows, and secrets only from the vault."""

import os
import re

import pytest
from tests.support.manifests import ROOT, SERVICES, Object, containers, named, of_kind
from tools.reference.configuration import SETTINGS

from executor_service.providers import ProviderSettings
from executor_service.providers.endpoints import keyed_providers
from flowport.doctor import Verdict, check_settings
from shared.settings import setting_variables


def _config_maps(container: Object) -> set[str]:
    return {source["configMapRef"]["name"] for source in container.get("envFrom", [])}


@pytest.mark.parametrize("name", SERVICES)
def test_a_service_is_given_only_settings_that_it_knows(overlay: str, name: str) -> None:
    known = {
        variable
        for kind in SETTINGS[name]
        for field in kind.model_fields
        for variable in setting_variables(kind, field)
    }
    (container,) = named(overlay, "Deployment", name)["spec"]["template"]["spec"]["containers"]
    assert {variable["name"] for variable in container["env"]} - known == set()
    tokens = {each["name"] for each in container["env"] if each["name"].startswith("FLOWPORT_TOKEN_")}
    own = f"FLOWPORT_TOKEN_{name.partition('-')[0].upper()}"
    assert len(tokens) == 4 if name in {"deploy-service", "jobs-service"} else tokens == {own}


def test_the_broker_waits_for_runs_as_long_as_the_gateway_allows(overlay: str) -> None:
    limited = [container for _, _, container in containers(overlay) if "flowport-limits" in _config_maps(container)]
    assert {container["name"] for container in limited} == {"gateway", "topology", "doctor"}
    assert named(overlay, "ConfigMap", "flowport-limits")["data"].keys() == {"FLOWPORT_LONGEST_RUN_SECONDS"}


def test_an_operator_can_list_the_vendors_with_a_key(overlay: str) -> None:
    """The manifests do not know what an optional Secret holds; the comment beside the setting lists its variables."""
    settings = next(found["data"] for found in of_kind(overlay, "ConfigMap") if "FLOWPORT_HOST" in found["data"])
    assert settings["FLOWPORT_KEYED_PROVIDERS"] == ""
    (container,) = named(overlay, "Deployment", "executor-service")["spec"]["template"]["spec"]["containers"]
    keys = {variable["name"].lower(): "key" for variable in container["env"] if variable["name"].endswith("_API_KEY")}
    (words,) = re.findall(r"FLOWPORT_KEYED_PROVIDERS= # ([\w,]+):", (ROOT / "k8s/base/kustomization.yaml").read_text())
    assert set(words.split(",")) == keyed_providers(ProviderSettings.model_validate(keys))


def test_the_doctor_finds_no_problem_in_the_documented_settings(monkeypatch: pytest.MonkeyPatch) -> None:
    """With mail: its password is a Secret, everything else is in the ConfigMap."""
    for name in [name for name in os.environ if name.startswith("FLOWPORT_")]:
        monkeypatch.delenv(name)
    secrets = {found["metadata"]["name"]: found["stringData"] for found in of_kind("dev", "Secret")}
    secrets["flowport-mail"] = {"FLOWPORT_SMTP_PASSWORD": "s3cret"}
    mail = {"HOST": "mail.example.com", "USERNAME": "flowport"}
    settings = {"FLOWPORT_MAIL_FROM": "flows@example.com", **{f"FLOWPORT_SMTP_{name}": mail[name] for name in mail}}
    ((_, _, doctor),) = [each for each in containers("production") if each[0] == "doctor"]
    for found in of_kind("production", "ConfigMap"):
        if found["metadata"]["name"] in _config_maps(doctor):
            settings |= found["data"]
    for variable in doctor["env"]:
        reference = variable["valueFrom"]["secretKeyRef"]
        settings[variable["name"]] = secrets[reference["name"]][reference["key"]]
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    found_by_it = list(check_settings())
    assert [each.found for each in found_by_it if each.verdict is not Verdict.OK] == []


def test_no_secret_is_written_down_outside_of_the_overlay_for_trying() -> None:
    for overlay in ("production", "keda"):
        assert of_kind(overlay, "Secret") == []
    for name, _, container in containers("production"):
        for variable in container.get("env", []):
            assert "valueFrom" in variable, f"{name}: {variable['name']}"


def test_every_secret_that_is_referred_to_is_there_when_trying() -> None:
    secrets = {found["metadata"]["name"]: found["stringData"] for found in of_kind("dev", "Secret")}
    for name, _, container in containers("dev"):
        for variable in container.get("env", []):
            reference = variable.get("valueFrom", {}).get("secretKeyRef")
            if reference and not reference.get("optional"):
                assert reference["key"] in secrets[reference["name"]], f"{name}: {variable['name']}"


def test_a_service_sees_its_own_database_and_a_backup_changes_nothing() -> None:
    (mongodb,) = of_kind("production", "MongoDBCommunity")
    roles = {user["name"]: [(role["name"], role["db"]) for role in user["roles"]] for user in mongodb["spec"]["users"]}
    databases = {name: f"flowport_{name.partition('-')[0]}" for name in ("gateway", "deploy-service", "jobs-service")}
    services = {name: [("readWrite", database)] for name, database in databases.items()}
    assert roles == services | {"backup": [("backup", "admin")]}


def test_every_secret_that_is_referred_to_comes_from_the_vault() -> None:
    (mongodb,) = of_kind("production", "MongoDBCommunity")
    (rabbitmq,) = of_kind("production", "RabbitmqCluster")
    wanted = {
        variable["valueFrom"]["secretKeyRef"]["name"]
        for _, _, container in containers("production")
        for variable in container.get("env", [])
    }
    wanted |= {user["passwordSecretRef"]["name"] for user in mongodb["spec"]["users"]}
    wanted.add(rabbitmq["spec"]["secretBackend"]["externalSecret"]["name"])
    assert {found["spec"]["target"]["name"] for found in of_kind("production", "ExternalSecret")} == wanted


def test_operators_make_the_users_that_the_urls_name() -> None:
    """No operator runs here: the test evaluates the two functions that the templates use."""
    made = {found["metadata"]["name"]: found["spec"]["target"] for found in of_kind("production", "ExternalSecret")}
    (mongodb,) = of_kind("production", "MongoDBCommunity")
    for user in mongodb["spec"]["users"]:
        urls = {f"mongodb-{user['name']}": f"mongodb://{user['name']}:s3cret@mongodb-svc:27017/?authSource=admin"}
        template = made[user["passwordSecretRef"]["name"]]["template"]["data"]
        assert _filled(template["password"], urls) == "s3cret"
    broker = made["flowport-rabbitmq"]["template"]["data"]
    urls = {"amqp-url": "amqp://operator:s3cret@rabbitmq:5672/"}
    assert _filled(broker["default_user.conf"], urls) == "default_user = operator\ndefault_pass = s3cret\n"
    assert (_filled(broker["username"], urls), _filled(broker["password"], urls)) == ("operator", "s3cret")


def _filled(template: str, values: dict[str, str]) -> str:
    def fill(found: re.Match[str]) -> str:
        key, pattern, trimmed = found.groups()
        (part,) = re.findall(pattern, values[key])
        return str(part).strip(trimmed)

    step = r'\{\{ index \. "([^"]+)" \| regexFind "([^"]+)" \| trimAll "([^"]+)" \}\}'
    return re.sub(step, fill, template)
