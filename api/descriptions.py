"""What the API says of itself, drawn once per catalogue and process: anyone may ask for it at any rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import orjson
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from api import openapi, reference
from api.access import service_of
from api.routes.describe import kinds_of
from graph.errors import QianxianError
from graph.kinds import BUILTIN
from graph.schema import Catalogue


@dataclass(frozen=True)
class Descriptions:
    """The descriptions for one catalogue."""

    app: FastAPI
    catalogue: Catalogue

    @cached_property
    def kinds(self) -> bytes:
        """Answer of /v1/kinds."""
        return orjson.dumps(kinds_of(self.catalogue))

    @cached_property
    def document(self) -> bytes:
        """The OpenAPI document."""
        return orjson.dumps(openapi.document(self.app, self.catalogue))

    @cached_property
    def page(self) -> bytes:
        """The reference page."""
        return reference.page(orjson.loads(self.document)).encode()


async def descriptions(request: Request) -> Descriptions:
    """The descriptions of the present kinds; of the built-in ones while the store cannot be read."""

    def current() -> Descriptions:
        try:
            catalogue = service_of(request).catalogue()
        except QianxianError:
            catalogue = BUILTIN
        known: Descriptions | None = getattr(request.app.state, "descriptions", None)
        if known is None or known.catalogue is not catalogue:
            known = Descriptions(request.app, catalogue)
            _ = known.kinds, known.page  # drawn here, off the event loop
            request.app.state.descriptions = known
        return known

    return await run_in_threadpool(current)
