"""What a failed test shows of its services' logs."""

from pathlib import Path

from tests.support.service_logs import LINES, last_problems


def test_the_last_warnings_and_errors_and_unstructured_lines_are_shown(tmp_path: Path) -> None:
    log = tmp_path / "gateway.log"
    problems = [
        f'{{"event": "dependency_unavailable", "number": {number}, "level": "error"}}' for number in range(LINES)
    ]
    routine = ['{"event": "run_started", "level": "info"}', '{"event": "lookup", "level": "debug"}']
    log.write_text("\n".join(["Traceback", *problems[:-1], *routine, problems[-1], *routine]))
    assert last_problems(log).splitlines() == problems
    log.write_text("\n".join(["Traceback", *routine]))
    assert last_problems(log) == "Traceback"
