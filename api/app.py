"""The HTTP service, put together: edge, problems, guarded routes, and the thread that keeps its answers fresh."""

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
from api.refresh import again_and_again
from api.routes import entities, feedback, health, kinds, matches, pages, relations
from api.settings import Settings


def create_app(service: Service, *, follows: bool = False) -> FastAPI:
    """The app around what it works with; if it `follows`, it takes up what is built while it runs."""

    @asynccontextmanager
    async def running(_app: FastAPI) -> AsyncIterator[None]:
        stop, looked = threading.Event(), threading.Event()
        thread = threading.Thread(target=_follow, args=(service, stop, looked), name="follower")
        if follows:
            thread.start()
            # Whoever hears of one process that it is ready may next be answered by another one.
            await run_in_threadpool(looked.wait)
        yield
        stop.set()
        if follows:
            await run_in_threadpool(thread.join)
        service.close()

    app = FastAPI(title=TITLE, version=VERSION, openapi_url=None, docs_url=None, redoc_url=None, lifespan=running)
    app.router.route_class = GuardedRoute
    app.router.redirect_slashes = False
    app.state.service = service
    problems.install(app)
    app.add_middleware(Edge, body_limit=service.settings.body_limit, metrics=service.metrics)
    for module in (matches, feedback, kinds, entities, relations, health, pages):
        module.add(app)
    return app


def _follow(service: Service, stop: threading.Event, looked: threading.Event) -> None:
    def look() -> None:
        try:
            service.take_up()
        finally:
            looked.set()
        service.settle()

    again_and_again(look, service.settings.poll_interval, stop)
    if not stop.is_set():  # the parent process is gone: end like on its word
        os.kill(os.getpid(), signal.SIGTERM)


def app_of(settings: Settings) -> FastAPI:
    """The app of one server process."""
    return create_app(open_service(settings), follows=True)
