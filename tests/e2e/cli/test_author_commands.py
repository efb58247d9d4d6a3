"""Commands of `flowport` for authors and pipelines, against the running services."""

import json
from pathlib import Path
from signal import SIGINT
from uuid import uuid4

import httpx2
import pytest
from tests.e2e.conftest import ADMIN_PASSWORD
from tests.support.command_line import CommandLine
from tests.support.echo_files import name_of, write
from tests.support.eventually import PATIENCE_SECONDS
from tests.support.model_server import ModelServer, Reply


def test_one_command_deploys_a_file(flowport: CommandLine, file: Path) -> None:
    deployed = flowport("deploy", str(file), "--promote", "--wait", "--json")
    assert deployed.code == 0, deployed.err
    assert deployed.json["version"] == 1
    assert deployed.json["endpoint"].endswith(f"/api/workflows/{deployed.json['id']}/execute")
    done = flowport("run", deployed.json["id"], "--field", "input=hello", "--json")
    assert (done.code, done.json["status"]) == (0, "completed")
    assert "hello" in done.json["output"]["content"]


def test_the_same_file_again_updates_the_same_workflow(flowport: CommandLine, file: Path) -> None:
    first = flowport("deploy", str(file), "--json").json
    write(file, name=name_of(file), model="vllm/other")
    second = flowport("deploy", str(file), "--name", "Other model", "--json").json
    assert (second["id"], second["version"], second["unchanged"]) == (first["id"], 2, False)
    rows = flowport("versions", first["id"], "--json").json
    assert [(row["version"], row["isActive"], row["name"]) for row in rows] == [
        (2, True, "Other model"),
        (1, False, None),
    ]


def test_a_file_that_is_refused_leaves_nothing_behind(flowport: CommandLine, file: Path) -> None:
    good = file.read_text()
    file.write_text(good.replace('"agent"', '"frobnicate"'))
    refused = flowport("deploy", str(file))
    assert refused.code == 1
    assert "Agent 1: Invalid block type: frobnicate" in refused.err
    assert flowport("workflows", "show", name_of(file)).code == 4

    file.write_text(good)
    flowport("deploy", str(file))
    file.write_text(good.replace('"agent"', '"frobnicate"'))
    assert flowport("deploy", str(file)).code == 1
    assert flowport("diff", name_of(file)).out == ""


def test_differences_and_a_rollback(flowport: CommandLine, file: Path) -> None:
    name = name_of(file)
    flowport("deploy", str(file))
    write(file, name=name, model="vllm/other")
    flowport("deploy", str(file))
    assert "block changed" in flowport("diff", name, "1", "2").out
    assert flowport("diff", name, "1", "2", "--exit-code").code == 1
    assert flowport("promote", name, "1").code == 0
    assert flowport("diff", name, "1").out != ""
    live = [row["version"] for row in flowport("versions", name, "--json").json if row["isActive"]]
    assert live == [1]


def test_promoting_an_old_version_warns_about_triggers_without_effect(flowport: CommandLine, file: Path) -> None:
    document = json.loads(file.read_text())
    document["state"]["blocks"]["daily"] = {"id": "daily", "type": "schedule", "name": "Every Morning", "subBlocks": {}}
    without, expected = file.read_text(), 'Nothing will fire "Every Morning"'
    file.write_text(json.dumps(document))
    assert expected in flowport("deploy", str(file), "--accept", "unserved_trigger:Every Morning").err
    file.write_text(without)
    assert expected not in flowport("deploy", str(file)).err
    assert expected in flowport("promote", name_of(file), "1").err
    (warning,) = flowport("promote", name_of(file), "1", "--json").json["warnings"]
    assert warning.startswith(expected)
    assert flowport("promote", name_of(file), "2", "--json").json["warnings"] == []


def test_changes_print_a_document_for_programs(flowport: CommandLine, file: Path) -> None:
    assert flowport("deploy", str(file), "--json").json["warnings"] == []
    assert flowport("undeploy", name_of(file), "--json").json == {"workflow": name_of(file), "isDeployed": False}
    kept = flowport("workflows", "archive", name_of(file), stdin="n\n")
    assert (kept.code, kept.out) == (1, ""), kept.err
    assert flowport("workflows", "archive", name_of(file), "--yes", "--json").json["archived"] is True
    assert name_of(file) in [row["name"] for row in flowport("workflows", "deleted", "--json").json]
    restored = flowport("workflows", "restore", name_of(file), "--redeploy", "--json").json
    assert (restored["name"], restored["liveVersion"]) == (name_of(file), None)  # it was undeployed before
    assert flowport("workflows", "restore", name_of(file)).code == 4
    assert flowport("secrets", "set", "DONE", "--json", stdin="x").json == {"name": "DONE", "set": True}
    assert flowport("secrets", "delete", "DONE", "--json").json == {"name": "DONE", "deleted": True}


def test_a_workflow_that_is_taken_down_does_not_run(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    assert flowport("undeploy", name_of(file)).code == 0
    refused = flowport("run", name_of(file))
    assert (refused.code, refused.out) == (3, "")
    assert "not deployed" in refused.err


def test_an_export_can_be_imported(flowport: CommandLine, file: Path, tmp_path: Path) -> None:
    made = flowport("import", str(file)).out.strip()
    target = tmp_path / "copy.json"
    assert flowport("export", made, "--output", str(target)).code == 0
    copy = flowport("import", str(target), "--name", "a copy of it", "--json")
    assert copy.json["name"] == "a copy of it"
    listed = flowport("workflows", "list", "--json").json
    assert {made, copy.json["id"]} <= {row["id"] for row in listed}


def test_text_is_streamed_as_it_arrives(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    streamed = flowport("run", name_of(file), "-f", "input=hello", "--stream", "--select", "agent_1.content")
    assert streamed.code == 0, streamed.err
    assert streamed.out.endswith("You said: hello\n")


def test_a_stream_shows_the_text_of_the_first_agent_unless_another_output_is_selected(
    flowport: CommandLine, file: Path
) -> None:
    flowport("deploy", str(file))
    streamed = flowport("run", name_of(file), "-f", "input=hello", "--stream")
    assert streamed.out.endswith("You said: hello\n")
    flowport("deploy", "examples/classify-support.json")
    without_text = flowport("run", "Classify support", "-f", "message=x", "--stream")
    assert json.loads(without_text.out) == {"queue": "support", "topic": "general"}
    assert "--select" in without_text.err


def test_a_stream_of_a_branch_without_the_agent_shows_the_response(flowport: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "quiet-branch.yaml"
    flowport("init", str(file), "--template", "branches")
    flowport("deploy", str(file))
    streamed = flowport("run", "Quiet branch", "-f", "message=My server is down", "--stream")
    assert (streamed.code, json.loads(streamed.out)) == (0, {"queue": "on-call"})
    tried = flowport("dev", str(file), "--once", "-f", "message=My server is down")
    assert json.loads(tried.out) == {"queue": "on-call"}
    assert "--" not in tried.err  # options that dev does not have


def test_a_trial_of_a_file_shows_the_text_of_the_agent_and_the_response(flowport: CommandLine, tmp_path: Path) -> None:
    file = tmp_path / "both.yaml"
    flowport("init", str(file), "--template", "agent")
    tried = flowport("dev", str(file), "--once", "-f", "question=Hello")
    text, _, response = tried.out.partition("\n")
    assert json.loads(response) == {"answer": text}
    assert "--full" not in tried.err
    assert "Unchanged" not in flowport("deploy", str(file)).out


def test_a_command_prints_the_useful_part_of_an_output_by_default(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    short = flowport("run", name_of(file), "-f", "input=hello")
    assert short.out == "This is the built-in demo model. You said: hello\n"
    assert "--full" in short.err
    assert json.loads(flowport("run", name_of(file), "-f", "input=hello", "--full").out)["model"] == "echo"


def test_options_without_effect_are_refused(flowport: CommandLine, file: Path) -> None:
    for arguments in (
        ("run", "x", "--select", "a.content"),
        ("run", "x", "--wait"),
        ("run", "x", "--async", "--timeout", "3"),
        ("deploy", "x", "--id", "y"),
        ("deploy", "x", "--timeout", "3"),
        ("export", "x", "--no-layout"),
    ):
        refused = flowport(*arguments)
        assert (refused.code, refused.out) == (2, ""), arguments


HELLO = """\
name: NAME
blocks:
  Start: {type: start, inputs: {who: string}}
  Greet: {type: function, code: "return 'Hello ' + <start.who>"}
"""


@pytest.fixture
def yaml(tmp_path: Path) -> Path:
    """A workflow file that a person wrote."""
    file = tmp_path / "hello.yaml"
    file.write_text(HELLO.replace("NAME", f"hello {uuid4().hex[:8]}"))
    return file


def test_a_handwritten_file_is_deployed_and_keeps_its_ids(flowport: CommandLine, yaml: Path) -> None:
    first = flowport("deploy", str(yaml), "--json")
    assert (first.code, first.json["version"]) == (0, 1), first.err
    assert flowport("run", first.json["id"], "-f", "who=Ann").out == "Hello Ann\n"
    exported = yaml.with_name("exported.yaml")
    flowport("export", first.json["id"], "--output", str(exported))
    yaml.write_text(yaml.read_text().replace("'Hello '", "'Good day '"))
    second = flowport("deploy", str(yaml), "--json").json
    assert (second["id"], second["version"]) == (first.json["id"], 2)
    assert flowport("diff", second["id"], "1", "2", "--json").json[0]["field"] == "code"
    assert flowport("deploy", str(exported), "--id", second["id"], "--json").json["version"] == 3
    assert flowport("diff", second["id"], "1", "3").out == ""
    assert yaml.read_text().splitlines()[1:] == [
        line.replace("'Hello '", "'Good day '") for line in HELLO.splitlines()[1:]
    ]


def test_an_unchanged_file_is_not_deployed_again(flowport: CommandLine, yaml: Path) -> None:
    workflow = flowport("deploy", str(yaml), "--json").json["id"]
    again = flowport("deploy", str(yaml), "--json").json
    assert (again["version"], again["unchanged"]) == (1, True)
    assert "Nothing has changed" in flowport("deploy", workflow).err
    forced = flowport("deploy", str(yaml), "--force", "--json").json
    assert (forced["version"], forced["unchanged"]) == (2, True)


def test_a_warning_refuses_a_deploy_until_it_is_accepted(flowport: CommandLine, yaml: Path) -> None:
    yaml.write_text(yaml.read_text().replace("<start.who>", "<start.whom>"))
    refused = flowport("deploy", str(yaml))
    assert refused.code == 1
    assert f"{yaml}:4: Greet: <start.whom> in code" in refused.err
    assert 'Did you mean "<start.who>"?' in refused.err
    assert '--accept "unknown_field:Greet"' in refused.err
    assert flowport("validate", str(yaml)).code == 1
    assert flowport("deploy", str(yaml), "--accept", "unknown_field:Greet").code == 0


def test_a_workflow_that_starts_by_schedule_and_writes_a_message_is_made_to_run_here(
    flowport: CommandLine, yaml: Path
) -> None:
    text = yaml.read_text().replace("type: start, inputs: {who: string}", "type: schedule")
    yaml.write_text(
        f"{text}  Tell: {{type: slack, settings: {{channel: C1, text: <greet.result>, operation: send}}}}\n"
    )
    refused = flowport("deploy", str(yaml))
    assert refused.code == 1
    assert "--add-start" in refused.err
    assert "with the secret {{SLACK_TOKEN}}" in refused.err
    flowport("secrets", "set", "SLACK_TOKEN", stdin="x")
    deployed = flowport("deploy", str(yaml), "--add-start", "--replace")
    assert deployed.code == 0, deployed.err
    assert "flowport secrets set SLACK_TOKEN" in deployed.err
    flowport("secrets", "delete", "SLACK_TOKEN")


def test_a_file_is_checked_and_run_while_it_is_written(flowport: CommandLine, yaml: Path) -> None:
    ran = flowport("dev", str(yaml), "-f", "who=Ann", "--once")
    assert (ran.code, ran.out) == (0, "Hello Ann\n"), ran.err
    assert "(dev)" not in flowport("workflows", "list").out
    yaml.write_text(yaml.read_text().replace("<start.who>", "<strt.who>"))
    broken = flowport("dev", str(yaml), "--once")
    assert (broken.code, broken.out) == (1, "")
    assert "matches no block" in broken.err


def test_an_interrupted_stream_names_its_run(flowport: CommandLine, models: ModelServer, tmp_path: Path) -> None:
    models.answer("long-winded", Reply.says("word " * 1_000, token_seconds=0.05))
    file = write(tmp_path / "long-winded.json", name="long-winded", model="vllm/long-winded")
    flowport("deploy", str(file))
    with flowport.started("run", "long-winded", "-f", "input=x", "--stream", "--select", "agent_1.content") as process:
        assert process.stdout is not None
        assert process.stdout.read(4) == "word"
        process.send_signal(SIGINT)
        written, errors = process.communicate()
    assert process.returncode == 130, (len(written), written[-200:], errors)
    run_id = errors.split("runs cancel ")[1].strip("`\n ")
    assert flowport("runs", "cancel", run_id).code == 0


def test_a_run_that_pauses_is_not_over_in_any_mode(flowport: CommandLine) -> None:
    flowport("deploy", "examples/approve.json")
    arguments = ("run", "Approve", "-f", "request=laptop", "-f", "amount=1200")
    for mode in ((), ("--stream",)):
        paused = flowport(*arguments, *mode)
        assert paused.code == 6, paused.err
        assert json.loads(paused.out)["data"]["operation"] == "human"
        assert "flowport runs wait" in paused.err
    assert flowport(*arguments, "--json").json["status"] == "paused"


def test_a_workflow_can_be_read_from_standard_input(flowport: CommandLine, file: Path) -> None:
    made = flowport("import", "-", "--name", "piped", "--json", stdin=file.read_text())
    assert (made.code, made.json["name"]) == (0, "piped"), made.err


def test_an_unreadable_or_unwritable_file_is_a_one_line_error(
    flowport: CommandLine, file: Path, tmp_path: Path
) -> None:
    flowport("deploy", str(file))
    broken = tmp_path / "broken.json"
    broken.write_bytes(b"\xff\xfe")
    for arguments in (
        ("export", name_of(file), "--output", str(tmp_path / "nowhere" / "x.json")),
        ("import", str(broken)),
        ("import", str(tmp_path)),
    ):
        failed = flowport(*arguments)
        assert (failed.code, failed.out, failed.err.count("\n")) == (1, "", 1), failed.err
    assert flowport("deploy", "n" * 300).code == 4


def test_a_text_with_unusual_line_ends_is_streamed(flowport: CommandLine, file: Path) -> None:
    flowport("deploy", str(file))
    text = "a\u2028b\u0085c"
    streamed = flowport("run", name_of(file), "-f", f"input={text}", "--stream", "--select", "agent_1.content")
    assert (streamed.code, streamed.out[-6:]) == (0, f"{text}\n"), streamed.err


def test_a_missing_workflow_has_its_own_exit_code(flowport: CommandLine) -> None:
    for name in (str(uuid4()), "[/gone]"):
        missing = flowport("run", name)
        assert missing.code == 4, missing.err
    assert "'[/gone]'" in missing.err


def test_login_stores_a_profile_that_later_commands_use(flowport: CommandLine, tmp_path: Path) -> None:
    url, key = flowport.variables["FLOWPORT_URL"], flowport.variables["SIM_API_KEY"]
    later = CommandLine({"XDG_CONFIG_HOME": str(tmp_path / "own"), "HOME": str(tmp_path)})
    assert later("workflows", "list").code == 3
    workspace = flowport.variables["FLOWPORT_WORKSPACE_ID"]
    for asked in ((), ("--workspace", workspace)):
        assert later("login", "--url", url, "--profile", "prod", *asked, stdin="sk-sim-wrong\n").code == 3
    assert later("login", "--url", url, "--workspace", "elsewhere", stdin=f"{key}\n").code == 4
    assert later("login", "--url", url, "--profile", "prod", stdin=f"{key}\n").code == 0
    kept = tmp_path / "own" / "flowport" / "profiles.json"
    assert kept.stat().st_mode & 0o077 == 0
    assert later("profiles", "show", "--json").json["url"] == url
    assert key not in later("profiles", "list").out
    assert later("workflows", "list").code == 0
    assert later("profiles", "use", "prod", "--json").json == {"profile": "prod", "inUse": True}
    assert later("profiles", "remove", "prod", "--json").json == {"profile": "prod", "removed": True}
    assert later("workflows", "list").code == 3


def test_a_key_for_several_workspaces_deploys_into_the_named_one(flowport: CommandLine, file: Path) -> None:
    named = {**flowport.variables, **second_workspace(flowport.variables["FLOWPORT_URL"])}
    before = flowport("deploy", str(file), "--json").json["id"]
    there = CommandLine(named)
    deployed = [there("deploy", str(file), "--json").json["id"] for _ in range(2)]
    assert before not in deployed
    assert deployed[0] == deployed[1]
    assert [each["id"] for each in there("workflows", "list", "--json").json] == [deployed[0]]
    unsaid = CommandLine({**named, "FLOWPORT_WORKSPACE_ID": ""})("deploy", str(file))
    assert unsaid.code == 1
    assert "FLOWPORT_WORKSPACE_ID" in unsaid.err


def second_workspace(url: str) -> dict[str, str]:
    """Return a second workspace of the first administrator, and that person's personal key, which opens both."""
    with httpx2.Client(base_url=url, headers={"origin": url}, timeout=PATIENCE_SECONDS) as browser:
        account = {"email": "admin@flowport.local", "password": ADMIN_PASSWORD}
        browser.post("/api/auth/sign-in/email", json=account).raise_for_status()
        made = browser.post("/api/workspaces", json={"name": "Second"}).raise_for_status().json()["workspace"]
        key = {"name": "mine", "scopes": ["read", "execute", "deploy"]}
        created = browser.post("/api/users/me/api-keys", json=key).raise_for_status().json()["key"]
    return {"FLOWPORT_WORKSPACE_ID": made["id"], "SIM_API_KEY": created["key"]}
