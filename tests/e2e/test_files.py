"""A file from a caller: passed to blocks and models, returned, and served to the workspace alone."""

import base64
from typing import Any
from urllib.parse import urlsplit

import pytest
from tests.support.model_server import ModelServer, Reply
from tests.support.public_api import PublicApi
from tests.support.workflow_files import START, agent, block, function, start, workflow

PHOTO = base64.b64encode(b"\x89PNG").decode()
SENT = {"photos": [{"type": "file", "data": f"data:image/png;base64,{PHOTO}", "name": "a b.png", "mime": "image/png"}]}


def looking(model: str) -> dict[str, Any]:
    """Return an agent that gets the photos, and a function that returns them."""
    look = agent("a1", f"vllm/{model}", "What is it?", files="<start.photos>")
    give = function("f1", "return { said: <agent1.content>, photos: <start.photos> }")
    return workflow("Look", [start(photos="file[]"), look, give], (START, "a1"), ("a1", "f1"))


async def test_a_file_reaches_the_model_and_the_output(api: PublicApi, models: ModelServer) -> None:
    models.answer("seer", Reply.says("A cat."))
    workflow_id = await api.publish(looking("seer"))
    result = (await api.run(workflow_id, SENT)).json()["output"]["result"]

    (message,) = models.calls_of("seer")[-1].messages
    assert message["content"][1] == {"type": "image_url", "image_url": {"url": f"data:image/png;base64,{PHOTO}"}}
    (photo,) = result["photos"]
    assert (photo["name"], photo["size"], photo["type"], photo["base64"]) == ("a b.png", 4, "image/png", PHOTO)

    path = urlsplit(photo["url"]).path
    served = await api.http.get(path)
    assert (served.status_code, served.content, served.headers["content-type"]) == (200, b"\x89PNG", "image/png")
    assert served.headers["content-disposition"] == "attachment; filename*=UTF-8''a%20b.png"
    assert served.headers["content-security-policy"] == "sandbox"
    assert (await api.http.get(path, headers={"x-api-key": "sk-sim-wrong"})).status_code == 401
    assert (await api.http.get(path.replace(api.workspace_id, "other"))).status_code == 404
    assert (await api.http.get(path.replace("file_", "blob_"))).status_code == 404


async def test_a_stream_and_a_job_take_files_too(api: PublicApi, models: ModelServer) -> None:
    models.answer("watcher", Reply.says("A dog."))
    workflow_id = await api.publish(looking("watcher"))

    async with api.stream(workflow_id, {**SENT, "includeFileBase64": False}) as frames:
        final, _ = await frames.rest()
    (photo,) = final["data"]["output"]["result"]["photos"]
    assert "base64" not in photo

    async with api.stream(workflow_id, {**SENT, "selectedOutputs": ["function1.result"]}) as frames:
        *_, final, _ = await frames.rest()
    assert final["data"]["output"]["f1"]["result"]["photos"][0]["base64"] == PHOTO

    job = await api.ended_job((await api.queue(workflow_id, SENT))["jobId"])
    assert job["output"]["result"]["photos"][0]["base64"] == PHOTO


@pytest.mark.parametrize("language", ["javascript", "python"])
async def test_functions_read_the_sent_file(api: PublicApi, language: str) -> None:
    wait = "await " if language == "javascript" else ""
    code = f"return {wait}sim.files.readBase64(<start.photos[0]>)"
    give = block("f1", "function", "Read", code=code, language=language)
    workflow_id = await api.publish(workflow("Read", [start(photos="file[]"), give], (START, "f1")))
    assert (await api.run(workflow_id, SENT)).json()["output"]["result"] == PHOTO


async def test_an_unavailable_file_is_a_client_error(api: PublicApi) -> None:
    workflow_id = await api.publish(workflow("Take", [start(photos="file[]")]))
    body = {"photos": [{"type": "url", "data": "https://169.254.169.254/x.png", "name": "x.png"}]}
    answer = await api.run(workflow_id, body)
    assert answer.status_code == 400
    assert answer.json()["error"] == "File processing failed: Failed to upload file: x.png"
