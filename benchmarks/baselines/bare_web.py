"""Baseline: FastAPI that echoes. Run with uvicorn: `benchmarks.baselines.bare_web:app`."""

from fastapi import FastAPI, Request
from starlette.responses import Response

app = FastAPI()


@app.post("/execute")
async def execute(request: Request) -> Response:
    """Echo."""
    return Response(await request.body(), media_type="application/json")
