"""Output of commands, and errors for response bodies."""

import pytest

from flowport.client.errors import AccessDenied, NotFound, ServerUnavailable, WaitTimedOut, error_for_response
from flowport.errors import CommandFailed
from flowport.output import Output

ITEMS = [{"name": "one", "isLive": True, "at": None}, {"name": "two", "isLive": False, "at": "now"}]


def test_a_pipe_gets_tab_separated_rows_without_color(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.print_rows(("name", "isLive", "at"), ITEMS)
    output.print_note("for people", label="red", style="red")
    captured = capsys.readouterr()
    assert captured.out == "name\tisLive\tat\none\tyes\t-\ntwo\tno\tnow\n"
    assert captured.err == "red  for people\n"


def test_markup_in_values_is_printed_literally(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # makes rich detect a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    output = Output(as_json=False)
    output.print_note("there is no [/x] named [bold]")
    output.print_rows(("name",), [{"name": "[/x] [bold]"}])
    captured = capsys.readouterr()
    assert captured.err == "there is no [/x] named [bold]\n"
    assert "[/x] [bold]" in captured.out


def test_a_list_of_strings_is_comma_separated(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).print_rows(("scopes", "none"), [{"scopes": ["read", "deploy"], "none": []}])
    assert capsys.readouterr().out == "scopes\tnone\nread, deploy\t[]\n"


def test_control_characters_are_escaped(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).print_rows(("name",), [{"name": "a\tb\nc\x1b[2J\x9b\u00e9"}])
    assert capsys.readouterr().out == "name\na\\tb\\nc\\x1b[2J\\x9b\u00e9\n"


def test_an_operation_without_result_prints_a_note_or_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        Output(as_json=as_json).print_done({"id": "L", "discarded": True}, "Deleted L")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"id":"L","discarded":true}\n', "Deleted L\n")


def test_json_output_is_one_document_without_notes(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.print_rows(("name",), ITEMS)
    output.print_note("for people")
    captured = capsys.readouterr()
    assert captured.out == '[{"name":"one","isLive":true,"at":null},{"name":"two","isLive":false,"at":"now"}]\n'
    assert captured.err == ""


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, CommandFailed, 1),
        (401, AccessDenied, 3),
        (403, AccessDenied, 3),
        (404, NotFound, 4),
        (408, WaitTimedOut, 6),
        (429, ServerUnavailable, 5),
        (500, CommandFailed, 1),
        (503, ServerUnavailable, 5),
    ],
)
def test_each_status_has_its_exit_code(status: int, kind: type[CommandFailed], code: int) -> None:
    failure = error_for_response(status, {"error": {"message": "why"}})
    assert type(failure) is kind
    assert (failure.exit_code, str(failure)) == (code, "why")


def test_a_change_with_an_unknown_outcome_is_not_retryable() -> None:
    lost = {"error": {"message": "lost"}}
    assert error_for_response(503, lost, changes=True).exit_code == 1
    assert error_for_response(503, lost, changes=True, retry_after="5").exit_code == 5
    assert error_for_response(504, None, changes=True).exit_code == 1
    assert error_for_response(504, None).exit_code == 5


def test_every_form_of_error_body_is_parsed() -> None:
    assert str(error_for_response(400, {"error": "plain"})) == "plain"
    assert str(error_for_response(503, {"message": "said so"}, retry_after="7")) == "said so (retry after 7 s)"
    assert str(error_for_response(502, None)) == "the server returned status 502"


def test_invalid_fields_are_named() -> None:
    big, odd = {"path": ["name"], "message": "Too big"}, {"path": ["scopes", 0], "message": "Invalid option"}
    assert str(error_for_response(400, {"error": "Too big", "details": [big]})) == "name: Too big"
    both = error_for_response(400, {"error": "Too big", "details": [big, odd]})
    assert str(both) == "name: Too big; scopes.0: Invalid option"
    body = {"error": "Invalid input: n must be a number", "details": [{"path": ["n"], "message": "n must be a number"}]}
    assert str(error_for_response(400, body)) == "Invalid input: n must be a number"
    generic = {"error": "Validation error", "code": "VALIDATION_ERROR", "details": [odd]}
    assert str(error_for_response(400, generic)) == "Validation error: scopes.0: Invalid option"
    joined = {"path": "selectedOutputs.0", "message": "expected string"}
    assert (
        str(error_for_response(400, {"error": "Bad", "details": [joined]})) == "Bad: selectedOutputs.0: expected string"
    )
    assert str(error_for_response(400, {"error": {"message": "Bad", "details": [big] * 4}})).count("name: Too big") == 3


def test_details_without_fields_are_ignored() -> None:
    for details in ({"runId": "r"}, "why", None, ["why"], [{"path": [], "message": "Unrecognized key"}]):
        assert str(error_for_response(409, {"error": {"message": "it is taken", "details": details}})) == "it is taken"


def test_a_table_that_is_wider_than_the_terminal_is_printed_field_by_field(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("NO_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "60")
    items = [{"runId": "r" * 36, "status": "completed", "name": "n" * 20}, {"runId": "s", "status": "failed"}]
    Output(as_json=False).print_rows(("runId", "status", "name"), items)
    lines = capsys.readouterr().out.replace("\x1b[1m", "").replace("\x1b[0m", "").splitlines()
    assert [line.split() for line in lines[:3]] == [
        ["Run", "id", "r" * 36],
        ["Status", "completed"],
        ["Name", "n" * 20],
    ]
    assert all(len(line) <= 60 for line in lines)
    Output(as_json=False).print_rows(("status",), items)
    assert [line.strip() for line in capsys.readouterr().out.replace("\x1b[1m", "").replace("\x1b[0m", "").split()] == [
        "Status",
        "completed",
        "failed",
    ]


def test_both_sides_of_a_change_are_shown_line_by_line(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.print_change("one\ntwo", {"a": 1})
    output.print_change(None, "three")
    assert capsys.readouterr().out == '    - one\n    - two\n    + {"a":1}\n    + three\n'


def test_only_the_branches_that_differ_are_shown(capsys: pytest.CaptureFixture[str]) -> None:
    before = '[{"title":"if","value":"<start.n> > 1"},{"title":"else","value":""}]'
    after = '[{"title":"if","value":"<start.n> > 2"},{"title":"else","value":""}]'
    Output(as_json=False).print_change(before, after)
    assert capsys.readouterr().out.splitlines() == [
        '    - {"title":"if","value":"<start.n> > 1"}',
        '    + {"title":"if","value":"<start.n> > 2"}',
    ]
