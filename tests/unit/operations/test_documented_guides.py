"""Samples of the guides are valid workflow files, and imports recognize the exports that they convert."""

import ast
import hmac
import json
import time
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.support.documented_steps import GUIDES, fences, sample_files
from tests.support.up import ROOT

from flowport.workflow_files import read_source
from jobs_service.webhooks.rules import headers
from shared.errors import InvalidWorkflow
from shared.workflow.files.formatter import format_file
from shared.workflow.transfer.importer import read_import

SAMPLES = [(page, name) for page in GUIDES for name in sample_files(page) if name.endswith(".yaml")]
OTHER_SYSTEMS = [("n8n", "docs/migrate/n8n.md"), ("Langflow", "docs/migrate/langflow.md")]


@pytest.mark.parametrize(("page", "name"), SAMPLES, ids=[name for _, name in SAMPLES])
def test_sample_files_are_valid_without_warnings(page: Path, name: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(sample_files(page)[name])
    assert read_source(tmp_path / name).problems() == []


@pytest.mark.parametrize(("page", "name"), SAMPLES, ids=[name for _, name in SAMPLES])
def test_sample_files_are_formatted(page: Path, name: str) -> None:
    text = sample_files(page)[name]
    assert format_file(text) == text


@pytest.mark.parametrize(("system", "page"), OTHER_SYSTEMS)
def test_an_import_names_the_other_system_and_its_page(system: str, page: str) -> None:
    (export,) = [content for language, content in fences(ROOT / page) if language == "json"]
    documents: list[Any] = [export, json.loads(export), [json.loads(export)]]
    if system == "Langflow":
        documents.append({"flows": [json.loads(export)]})
    for document in documents:
        with pytest.raises(InvalidWorkflow) as refused:
            read_import(document)
        assert f"an export of {system}," in refused.value.message
        assert page in refused.value.message


def test_the_webhook_recipe_accepts_deliveries_and_refuses_others() -> None:
    (code,) = [content for language, content in fences(ROOT / "docs/recipes/webhooks.md") if language == "python"]
    scope: dict[str, Any] = {}
    exec(compile(ast.parse(code), "webhooks.md", "exec"), scope)
    now_ms = int(time.time() * 1000)
    sent = dict(headers("delivery_1", b'{"id": 1}', now_ms, "whsec_c2VjcmV0"))
    is_genuine = scope["is_genuine"]
    assert is_genuine(sent, b'{"id": 1}', "whsec_c2VjcmV0")
    assert not is_genuine(sent, b'{"id": 2}', "whsec_c2VjcmV0")
    assert not is_genuine(sent, b'{"id": 1}', "whsec_b3RoZXI=")
    old = f"t={now_ms - 3_600_000}"
    signed = f"{now_ms - 3_600_000}.".encode() + b'{"id": 1}'
    replayed = {"sim-signature": f"{old},v1={hmac.digest(b'whsec_c2VjcmV0', signed, sha256).hex()}"}
    assert not is_genuine(replayed, b'{"id": 1}', "whsec_c2VjcmV0")
