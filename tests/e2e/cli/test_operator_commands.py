"""Commands of `flowport` for operators of a workspace, against the running services."""

from uuid import uuid4

from tests.support.command_line import CommandLine


def test_a_key_is_made_used_replaced_and_revoked(flowport: CommandLine) -> None:
    made = flowport("keys", "create", "pipeline", "--scope", "read", "--json").json
    assert (made["name"], made["scopes"]) == ("pipeline", ["read"])
    holder = CommandLine({**flowport.variables, "SIM_API_KEY": made["key"]})
    assert holder("workflows", "list").code == 0
    assert holder("keys", "create", "another").code == 3
    clear = flowport("keys", "rotate", made["id"]).out.strip()
    assert holder("workflows", "list").code == 3
    listed = flowport("keys", "list", "--json").json
    assert clear not in str(listed)
    new = next(key["id"] for key in listed if key["name"] == "pipeline")
    assert flowport("keys", "revoke", new).code == 0
    assert CommandLine({**flowport.variables, "SIM_API_KEY": clear})("workflows", "list").code == 3


def test_a_key_is_identified_by_a_unique_name(flowport: CommandLine) -> None:
    name = f"key {uuid4().hex[:8]}"
    flowport("keys", "create", name)
    assert flowport("keys", "rotate", name).code == 0
    assert flowport("keys", "rotate", name, "--overlap", "600").code == 0
    both = flowport("keys", "revoke", name)
    assert (both.code, "2 keys are named" in both.err) == (1, True), both.err
    new, old = [key["id"] for key in flowport("keys", "list", "--json").json if key["name"] == name]
    assert new in both.err
    assert flowport("keys", "revoke", old).code == 0
    assert flowport("keys", "revoke", name).code == 0
    assert new not in flowport("keys", "list").out
    assert flowport("keys", "revoke", "nobody's").code == 4


def test_a_field_that_is_refused_is_named(flowport: CommandLine) -> None:
    assert "expiresAt: " in flowport("keys", "create", "late", "--expires", "tomorrow").err
    assert '"execute"|"read"' in flowport("keys", "create", "odd", "--scope", "fly").err


def test_a_secret_is_set_from_standard_input_and_never_shown(flowport: CommandLine) -> None:
    name = f"TOKEN_{uuid4().hex[:8].upper()}"
    done = flowport("secrets", "set", name, stdin="very secret\n")
    assert (done.code, done.out) == (0, ""), done.err
    listed = flowport("secrets", "list")
    assert name in listed.out
    assert "very secret" not in listed.out + done.err
    assert flowport("secrets", "delete", name).code == 0
    assert name not in flowport("secrets", "list").out


def test_dead_letters_are_listed_and_deleted_ones_are_not_found(flowport: CommandLine) -> None:
    assert isinstance(flowport("dead-letters", "list", "--json").json, list)
    assert flowport("dead-letters", "redrive", uuid4().hex).code == 4


def test_the_workspace_is_found_out_from_the_key(flowport: CommandLine) -> None:
    variables = {name: value for name, value in flowport.variables.items() if name != "FLOWPORT_WORKSPACE_ID"}
    assert CommandLine(variables)("secrets", "list").code == 0
