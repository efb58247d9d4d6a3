"""Response of a paused run, with its resume links."""

from executor_service.engine import Call
from shared.ids import public_run_id
from shared.workflow.format.js_values import JsonObject


def resume_links(call: Call) -> JsonObject:
    """Return the links that answer a pause, for programs and people."""
    request = call.request
    run_id = public_run_id(request.run_id)
    run = f"{request.run_workflow_id}/{run_id}"
    return {
        "apiUrl": f"{request.public_url}/api/resume/{run}/{call.context_id}",
        "uiUrl": f"{request.public_url}/resume/{run}",
        "contextId": call.context_id,
        "executionId": run_id,
        "workflowId": request.run_workflow_id,
    }


def pause_response(call: Call, data: JsonObject) -> JsonObject:
    """Return the run's output while this pause is its only one."""
    return {
        "data": {**data, "_resume": resume_links(call)},
        "status": 200,
        "headers": {"Content-Type": "application/json"},
    }
