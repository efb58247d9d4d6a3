"""What commands print, and where."""

import pytest

from flowport.client.errors import Missing, NoAccess, TookTooLong, TryLater, failure_of
from flowport.failures import CommandFailed
from flowport.output import Output

ITEMS = [{"name": "one", "isLive": True, "at": None}, {"name": "two", "isLive": False, "at": "now"}]


def test_a_pipe_gets_rows_separated_by_tabs_and_no_colour(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=False)
    output.rows(("name", "isLive", "at"), ITEMS)
    output.note("for people", label="red", style="red")
    captured = capsys.readouterr()
    assert captured.out == "one\tyes\t-\ntwo\tno\tnow\n"
    assert captured.err == "red  for people\n"


def test_what_looks_like_markup_is_said_as_it_is(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")  # rich takes this for a terminal
    monkeypatch.setenv("NO_COLOR", "1")
    output = Output(as_json=False)
    output.note("there is no [/x] named [bold]")
    output.rows(("name",), [{"name": "[/x] [bold]"}])
    captured = capsys.readouterr()
    assert captured.err == "there is no [/x] named [bold]\n"
    assert "[/x] [bold]" in captured.out


def test_a_list_of_words_is_read_as_words(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).rows(("scopes", "none"), [{"scopes": ["read", "deploy"], "none": []}])
    assert capsys.readouterr().out == "read, deploy\t[]\n"


def test_what_others_named_makes_no_rows_and_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    Output(as_json=False).rows(("name",), [{"name": "a\tb\nc\x1b[2J\x9b\u00e9"}])
    assert capsys.readouterr().out == "a\\tb\\nc\\x1b[2J\\x9b\u00e9\n"


def test_what_has_no_result_is_a_sentence_or_a_document(capsys: pytest.CaptureFixture[str]) -> None:
    for as_json in (False, True):
        Output(as_json=as_json).done({"id": "L", "discarded": True}, "L is gone")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ('{"id":"L","discarded":true}\n', "L is gone\n")


def test_programs_get_one_document_and_no_notes(capsys: pytest.CaptureFixture[str]) -> None:
    output = Output(as_json=True)
    output.rows(("name",), ITEMS)
    output.note("for people")
    captured = capsys.readouterr()
    assert captured.out == '[{"name":"one","isLive":true,"at":null},{"name":"two","isLive":false,"at":"now"}]\n'
    assert captured.err == ""


@pytest.mark.parametrize(
    ("status", "kind", "code"),
    [
        (400, CommandFailed, 1),
        (401, NoAccess, 3),
        (403, NoAccess, 3),
        (404, Missing, 4),
        (408, TookTooLong, 6),
        (429, TryLater, 5),
        (500, CommandFailed, 1),
        (503, TryLater, 5),
    ],
)
def test_each_status_has_its_exit_code(status: int, kind: type[CommandFailed], code: int) -> None:
    failure = failure_of(status, {"error": {"message": "why"}})
    assert type(failure) is kind
    assert (failure.exit_code, str(failure)) == (code, "why")


def test_nobody_is_told_to_repeat_what_may_have_been_done() -> None:
    lost = {"error": {"message": "lost"}}
    assert failure_of(503, lost, changes=True).exit_code == 1
    assert failure_of(503, lost, changes=True, retry_after="5").exit_code == 5
    assert failure_of(504, None, changes=True).exit_code == 1
    assert failure_of(504, None).exit_code == 5


def test_every_style_of_error_body_is_understood() -> None:
    assert str(failure_of(400, {"error": "plain"})) == "plain"
    assert str(failure_of(503, {"message": "said so"}, retry_after="7")) == "said so (retry after 7 s)"
    assert str(failure_of(502, None)) == "the server answered 502"


def test_fields_that_are_wrong_are_named() -> None:
    big, odd = {"path": ["name"], "message": "Too big"}, {"path": ["scopes", 0], "message": "Invalid option"}
    assert str(failure_of(400, {"error": "Too big", "details": [big]})) == "name: Too big"
    both = failure_of(400, {"error": "Too big", "details": [big, odd]})
    assert str(both) == "name: Too big; scopes.0: Invalid option"
    generic = {"error": "Validation error", "code": "VALIDATION_ERROR", "details": [odd]}
    assert str(failure_of(400, generic)) == "Validation error: scopes.0: Invalid option"
    joined = {"path": "selectedOutputs.0", "message": "expected string"}
    assert str(failure_of(400, {"error": "Bad", "details": [joined]})) == "Bad: selectedOutputs.0: expected string"
    assert str(failure_of(400, {"error": {"message": "Bad", "details": [big] * 4}})).count("name: Too big") == 3


def test_details_that_name_no_field_change_nothing() -> None:
    for details in ({"runId": "r"}, "why", None, ["why"], [{"path": [], "message": "Unrecognized key"}]):
        assert str(failure_of(409, {"error": {"message": "it is taken", "details": details}})) == "it is taken"
