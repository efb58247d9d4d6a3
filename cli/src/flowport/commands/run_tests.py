"""`flowport test`: run tests made of recorded runs, without servers, keys or network."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from xml.etree import ElementTree as ET

import msgspec
import typer

from flowport.commands.session import AsJson
from flowport.errors import CommandFailed
from flowport.extras import require_engine
from flowport.output import Output
from flowport.run_tests.files import SUFFIX, RunTest, find_tests, read_test, write_test
from shared.errors import FlowportError

if TYPE_CHECKING:
    from executor_service.offline import OfflineRunner
    from flowport.run_tests.comparison import Finding

MAX_ACCEPTS: Final = 100
"""Runs until every call has its new inputs: each accepted call may change the inputs of later ones."""


@dataclass(frozen=True)
class TestResult:
    """Result of one file."""

    file: Path
    findings: "list[Finding]"
    is_accepted: bool = False

    @property
    def status(self) -> str:
        """Return the result in one word."""
        if self.findings:
            return "failed"
        return "accepted" if self.is_accepted else "passed"


def test(
    paths: Annotated[
        list[Path] | None, typer.Argument(metavar="[PATH]", help=f"Folders with {SUFFIX} files, or such files.")
    ] = None,
    accept: Annotated[
        bool, typer.Option("--accept", help="Write the new results into the files. Calls keep their recorded answers.")
    ] = False,
    junit: Annotated[Path | None, typer.Option(help="Write a JUnit XML report to this file.")] = None,
    as_json: AsJson = False,
) -> None:
    """Run recorded runs again, without servers, keys or network. Exits with 1 on any difference, and names the block.

    Example: flowport test tests/runs --junit report.xml
    """
    require_engine("flowport test")
    files = list(find_tests(paths or [Path()]))
    if not files:
        raise CommandFailed(f"no {SUFFIX} files found. Create one with `flowport runs save RUN`")
    results = asyncio.run(_run_all(files, accept=accept))
    output = Output(as_json=as_json)
    _print(output, results)
    if junit is not None:
        junit.write_bytes(_junit(results))
    failed = sum(1 for result in results if result.findings)
    if failed:
        raise CommandFailed(f"{failed} of {len(results)} run tests failed")


async def _run_all(files: list[Path], *, accept: bool) -> list[TestResult]:
    from executor_service.offline import OfflineRunner  # noqa: PLC0415 - the engine is in an extra

    async with OfflineRunner() as runner:
        return [await _run(runner, file, accept=accept) for file in files]


async def _run(runner: "OfflineRunner", file: Path, *, accept: bool) -> TestResult:
    from flowport.run_tests.comparison import Finding, compare  # noqa: PLC0415

    try:
        test_file = read_test(file)
        state = test_file.state_to_test(file)
        findings = compare(test_file, await runner.run(state, test_file.recording))
        if not findings or not accept:
            return TestResult(file, findings)
        return await _accept(runner, file, test_file, state)
    except (FlowportError, CommandFailed) as error:
        return TestResult(file, [Finding(None, str(error))])


async def _accept(runner: "OfflineRunner", file: Path, test_file: RunTest, state: dict[str, Any]) -> TestResult:
    from flowport.run_tests.comparison import accepted, unanswerable  # noqa: PLC0415

    for _ in range(MAX_ACCEPTS):
        run = await runner.run(state, test_file.recording)
        if missing := unanswerable(run):
            return TestResult(file, missing)
        test_file = accepted(test_file, run)
        if not run.unrecorded:
            break
    write_test(file, msgspec.structs.replace(test_file, state=state))
    return TestResult(file, [], is_accepted=True)


def _print(output: Output, results: list[TestResult]) -> None:
    if output.as_json:
        output.print_json([_row(result) for result in results])
        return
    for result in results:
        output.print_line(f"{result.status}  {result.file}")
        for finding in result.findings:
            output.print_line(f"  {finding.title}")
            for line in finding.details:
                output.print_line(f"    {line}")


def _row(result: TestResult) -> dict[str, Any]:
    findings = [
        {"block": finding.block, "reason": finding.reason, "details": finding.details} for finding in result.findings
    ]
    return {"file": str(result.file), "status": result.status, "findings": findings}


def _junit(results: list[TestResult]) -> bytes:
    failures = sum(1 for result in results if result.findings)
    suite = ET.Element("testsuite", name="flowport test", tests=str(len(results)), failures=str(failures))
    for result in results:
        case = ET.SubElement(suite, "testcase", name=str(result.file), classname="flowport")
        for finding in result.findings:
            ET.SubElement(case, "failure", message=finding.title).text = "\n".join(finding.details)
    document: bytes = ET.tostring(suite, encoding="utf-8", xml_declaration=True)
    return document
