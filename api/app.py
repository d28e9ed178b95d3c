"""The HTTP service, put together: edge, problems, guarded routes, and the refresher that runs beside them."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from fastapi import FastAPI
from starlette.concurrency import run_in_threadpool

from api import problems
from api.access import GuardedRoute
from api.bootstrap import Service, open_service
from api.edge import Edge
from api.openapi import TITLE, VERSION
from api.refresh import Refresher
from api.routes import entities, health, kinds, matches, pages, relations
from api.settings import Settings


def create_app(service: Service, *, refresher: Refresher | None = None) -> FastAPI:
    """The app around what it works with; `refresher` runs in a thread while the app does."""

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        stop = threading.Event()
        threads = [threading.Thread(target=_refresh, args=(refresher, stop), name="refresher")] if refresher else []
        for thread in threads:
            thread.start()
        yield
        stop.set()
        for thread in threads:
            await run_in_threadpool(thread.join)
        service.close()

    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None, lifespan=running)
    app.router.route_class = GuardedRoute
    app.router.redirect_slashes = False
    app.state.service = service
    problems.install(app)
    app.add_middleware(Edge, body_limit=service.settings.body_limit, metrics=service.metrics)
    for module in (matches, kinds, entities, relations, health, pages):
        module.add(app)
    return app


def _refresh(refresher: Refresher, stop: threading.Event) -> None:
    refresher.run(stop)
    if not stop.is_set():  # the parent process is gone: end like on its word
        os.kill(os.getpid(), signal.SIGTERM)


def app_of(settings: Settings, *, leads: bool = True) -> FastAPI:
    """The app of one server process; with `leads` it also builds, if no other process does."""
    service = open_service(settings)
    refresher = Refresher(settings, leads=leads, take_up=service.take_up, built=service.metrics.built)
    return create_app(service, refresher=refresher)
