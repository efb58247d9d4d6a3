"""Files of the repository itself: changelog, hooks, owners, GitHub's configuration."""

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any, Final

import pytest
import yaml
from tools.commit_message import find_problems
from tools.reference.pages import PAGES
from tools.release_notes import CHANGELOG, read_notes
from tools.version import read_version

ROOT: Final = Path(__file__).parents[3]
GITHUB: Final = ROOT / ".github"
HEADING: Final = re.compile(r"^## (.+)$", re.MULTILINE)
RELEASE: Final = re.compile(r"\[(\d+\.\d+\.\d+)\] - \d{4}-\d{2}-\d{2}")
KINDS: Final = {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
LOCKS: Final = (
    "requirements.lock",
    "requirements-dev.lock",
    "requirements-model.lock",
    *map(str, ROOT.glob("tests/e2e/sdks/*.lock")),
)
CONFIGURATION: Final = {
    "vendor.dependabot": ["dependabot.yml"],
    "vendor.github-issue-config": ["ISSUE_TEMPLATE/config.yml"],
    "vendor.github-issue-forms": ["ISSUE_TEMPLATE/bug.yml", "ISSUE_TEMPLATE/feature.yml"],
    "custom.github-workflows-require-timeout": ["workflows/audit.yml", "workflows/full.yml"],
}


def hooks() -> list[dict[str, Any]]:
    """Return the hooks of pre-commit."""
    (repository,) = yaml.safe_load((ROOT / ".pre-commit-config.yaml").read_text())["repos"]
    found: list[dict[str, Any]] = repository["hooks"]
    return found


def test_the_changelog_begins_with_unreleased_changes_and_dates_each_release() -> None:
    first, *releases = HEADING.findall(CHANGELOG.read_text())
    assert first == "[Unreleased]"
    assert [heading for heading in releases if not RELEASE.fullmatch(heading)] == []


def test_the_changelog_uses_the_kinds_of_keep_a_changelog() -> None:
    assert set(re.findall(r"^### (.+)$", CHANGELOG.read_text(), re.MULTILINE)) <= KINDS


def test_every_version_has_upgrade_notes() -> None:
    page = (ROOT / "docs/operations/upgrading.md").read_text().partition("## Upgrade notes\n")[2]
    noted = re.findall(r"^### (.+)$", page, re.MULTILINE)
    released = [found[1] for heading in HEADING.findall(CHANGELOG.read_text()) if (found := RELEASE.fullmatch(heading))]
    assert {*released, read_version()} - set(noted) == set()


def test_release_notes_are_the_section_of_a_released_version() -> None:
    text = "## [Unreleased]\n\n## [0.2.0] - 2026-12-01\n\n### Fixed\n\n- A.\n\n## [0.1.0] - 2026-11-30\n\nB.\n"
    assert read_notes("0.2.0", text) == "### Fixed\n\n- A."
    assert read_notes("0.1.0", text) == "B."
    assert read_notes("Unreleased", text) is None
    assert read_notes("0.3.0", text) is None


@pytest.mark.parametrize(
    "message",
    [
        "fix(gateway): reject empty names",
        "fix(executor,gateway): bound JSON values\n\nWhy.\n\n# a comment of git",
        "feat!: remove the alias GATEWAY_PORT",
        "docs: describe the release\n# ------------------------ >8 ------\nthe diff follows",
        "Merge branch 'main'",
        "fixup! fix(gateway): reject empty names",
    ],
)
def test_a_conventional_commit_message_is_accepted(message: str) -> None:
    assert list(find_problems(message)) == []


@pytest.mark.parametrize(
    ("message", "problem"),
    [
        ("", "not like"),
        ("Reject empty names", "not like"),
        ("fixes(gateway): reject empty names", "not like"),
        ("fix(gateway): ", "not like"),
        (f"fix(gateway): {'x' * 60}", "has 74 characters"),
        ("fix(gateway): reject empty names.", "ends with a period"),
        ("fix(gateway): reject empty names\nbecause", "line after the subject"),
    ],
)
def test_another_commit_message_is_rejected_with_the_rule(message: str, problem: str) -> None:
    assert any(problem in sentence for sentence in find_problems(message))


def test_the_hook_prints_the_problem_and_fails(tmp_path: Path) -> None:
    message = tmp_path / "COMMIT_EDITMSG"
    message.write_text("Reject empty names\n")
    command = (sys.executable, "-m", "tools.commit_message", message)
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 1
    assert "fix(gateway): reject empty names" in done.stderr


def test_hooks_are_local_and_use_the_locked_tools() -> None:
    locked = (ROOT / "requirements-dev.lock").read_text()
    for hook in hooks():
        program = re.search(r"\.venv/bin/(\S+)", hook["entry"])
        assert program is not None, hook["id"]
        assert program[1] == "python" or f"\n{program[1]}==" in locked, hook["id"]
        assert hook["language"] == "system"


@pytest.mark.parametrize("schema", CONFIGURATION)
def test_configuration_of_github_fits_its_schema(schema: str) -> None:
    files = [str(GITHUB / name) for name in CONFIGURATION[schema]]
    command = (sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files)
    done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 0, done.stdout


def test_every_file_of_github_is_validated() -> None:
    workflows = {f"workflows/{file.name}" for file in (GITHUB / "workflows").iterdir()}  # by `make actions-check`
    validated = {name for names in CONFIGURATION.values() for name in names} | workflows
    assert {str(file.relative_to(GITHUB)) for file in GITHUB.rglob("*.yml")} == validated


def test_workflows_pin_each_action_to_a_commit_and_name_its_version() -> None:
    files = [*(GITHUB / "workflows").iterdir()]
    uses = re.findall(r"uses: (?!\./)(.+)", "\n".join(file.read_text() for file in files))
    assert uses
    assert [action for action in uses if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+", action)] == []


def test_dependabot_names_folders_that_exist() -> None:
    updates = yaml.safe_load((GITHUB / "dependabot.yml").read_text())["updates"]
    folders = {folder for update in updates for folder in (update.get("directories") or [update["directory"]])}
    assert [folder for folder in folders if not (ROOT / folder.strip("/")).is_dir()] == []


def test_code_owners_name_paths_that_exist() -> None:
    lines = [line.split() for line in (GITHUB / "CODEOWNERS").read_text().splitlines() if not line.startswith("#")]
    assert lines[0][0] == "*"
    assert [path for path, *_ in lines[1:] if not (ROOT / path.strip("/")).exists()] == []
    assert all(owner.startswith("@") for _, *owners in lines for owner in owners)


def test_a_release_needs_all_tests_and_publishes_wheels_images_and_provenance() -> None:
    jobs = yaml.safe_load((GITHUB / "workflows/release.yml").read_text())["jobs"]
    assert {*jobs["wheels"]["needs"]} & {*jobs["images"]["needs"]} == {"version", "test"}
    assert {"wheels", "images"} < {*jobs["release"]["needs"]}
    targets = jobs["images"]["strategy"]["matrix"]["target"]
    dockerfile = (ROOT / "deploy/Dockerfile").read_text()
    assert [target for target in targets if f"AS {target}\n" not in dockerfile] == []
    (build,) = [step["with"] for step in jobs["images"]["steps"] if "build-push" in step.get("uses", "")]
    assert build["platforms"] == "linux/amd64,linux/arm64"
    assert (build["sbom"], build["provenance"]) == (True, "mode=max")


def test_the_development_container_uses_targets_of_the_makefile() -> None:
    text = (ROOT / ".devcontainer/devcontainer.json").read_text()
    container = json.loads(re.sub(r"(?m)^\s*//.*$", "", text))
    makefile = (ROOT / "Makefile").read_text()
    targets = container["postCreateCommand"].rpartition("make ")[2].split()
    assert [name for name in targets if name != ".venv/.ready" and f"\n{name}:" not in makefile] == []
    profile = container["runArgs"][1].removeprefix("seccomp=${localWorkspaceFolder}/")
    assert (ROOT / profile).exists()


@pytest.mark.parametrize("page", PAGES)
def test_a_generated_page_names_the_command_that_writes_it(page: str) -> None:
    assert "`make docs`" in (ROOT / page).read_text()[:600]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_file_names_the_command_that_writes_it(lock: str) -> None:
    assert re.match(r"# .*\n?#? *(?:.*uv pip compile|make lock)", (ROOT / lock).read_text())
