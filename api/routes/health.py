"""Is the service alive, can it answer, and what does it count about itself."""

from __future__ import annotations

from fastapi import FastAPI, Request, Response

from api.access import service_of
from api.bodies import answered
from api.problems import Problem
from api.routes.describe import json_answer, problems

STATUS = {"type": "object", "properties": {"status": {"type": "string"}}, "required": ["status"]}


async def healthz() -> Response:
    """The process runs."""
    return answered({"status": "ok"})


async def readyz(request: Request) -> Response:
    """Matches can be answered; 503 until a projection is there."""
    if service_of(request).matcher is None:
        raise Problem("unavailable", "no projection yet: ingest data, or wait for the first build", retry_after=1)
    return answered({"status": "ready"})


async def metrics(request: Request) -> Response:
    """Prometheus metrics of all worker processes; from this machine only, unless set otherwise."""
    return Response(service_of(request).metrics.render(), media_type="text/plain; version=0.0.4; charset=utf-8")


def add(app: FastAPI) -> None:
    """Add the routes."""
    app.add_api_route(
        "/healthz",
        healthz,
        methods=["GET"],
        tags=["service"],
        summary="Alive · 存活",
        responses={200: json_answer("It runs.", STATUS, {"status": "ok"})},
    )
    app.add_api_route(
        "/readyz",
        readyz,
        methods=["GET"],
        tags=["service"],
        summary="Ready · 就绪",
        responses={200: json_answer("It answers.", STATUS, {"status": "ready"}), **problems("unavailable")},
    )
    app.add_api_route(
        "/metrics",
        metrics,
        methods=["GET"],
        tags=["service"],
        summary="Metrics · 指标",
        responses={
            200: {"description": "Prometheus text.", "content": {"text/plain": {"schema": {"type": "string"}}}},
            **problems("not-found"),
        },
    )
