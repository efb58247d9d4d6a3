"""Files of calls and outputs, with a store in memory."""

import base64
import json
from typing import Any

import msgspec
from tests.support.executor.fakes import Files, spec
from tests.support.workflow_states import start

from executor_service.application.file_contents import FileContents
from executor_service.application.file_uploads import FileUploads
from shared.contracts.runs import RunSpec
from shared.net import OutboundClient
from shared.workflow.compile.compiler import compile_workflow

WORKFLOW = compile_workflow({"blocks": {"start": start({"name": "papers", "type": "file[]"})}, "edges": []})


def inline(content: bytes = b"hello", name: str = "a.txt", mime: str | None = "text/plain") -> dict[str, Any]:
    data = f"data:{mime or ''};base64,{base64.b64encode(content).decode()}"
    return {"type": "file", "data": data, "name": name, **({"mime": mime} if mime else {})}


class FileExchange:
    """Stores files and serves them."""

    def __init__(self, outbound: OutboundClient) -> None:
        self.store, self.outbound = Files(), outbound
        self.uploads = FileUploads(self.store, outbound, public_url="https://f.example")
        self.contents = FileContents(self.store)

    async def take(self, papers: Any, **body: Any) -> Any:
        whole = {"papers": papers, **body}
        return await self.uploads.store_uploads(spec(), WORKFLOW, json.dumps(whole).encode(), whole)

    async def show(self, output: Any, run: RunSpec | None = None) -> Any:
        return json.loads(await self.contents.add_contents(run or spec(), msgspec.json.encode(output)))
