"""What the API says of itself, drawn once per catalogue and process: anyone may ask for it at any rate."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import orjson
from fastapi import FastAPI, Request
from starlette.concurrency import run_in_threadpool

from api import openapi, reference
from api.access import service_of
from graph.errors import QianxianError
from graph.kinds import BUILTIN
from graph.schema import Catalogue, EntityKind, Field
from matching.kinds import MatchKinds


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


def kinds_of(catalogue: Catalogue) -> dict[str, Any]:
    """The catalogue as /v1/kinds shows it."""
    return {
        "entities": [
            {
                "name": kind.name,
                "labels": kind.labels.model_dump(),
                "public_record": kind.public_record,
                "fields": [_field(field) for field in kind.fields],
            }
            for kind in catalogue.entities.values()
        ],
        "relations": [
            {
                "name": kind.name,
                "labels": kind.labels.model_dump(),
                "sources": kind.sources,
                "targets": kind.targets,
                "identity": kind.identity,
                "properties": [_field(field) for field in kind.properties],
            }
            for kind in catalogue.relations.values()
        ],
        "matches": [
            {
                "name": kind.name,
                "labels": kind.labels.model_dump(),
                "subject": kind.subject,
                "candidate": kind.candidate,
                "mutual": kind.mutual,
                "filters": _filters(catalogue.entity(kind.candidate)),
            }
            for kind in MatchKinds.of(catalogue).values()
        ],
    }


def _filters(kind: EntityKind) -> list[str]:
    """What a card of the kind may show as a label: its visible fields, and what it shows of its neighbours."""
    return [*(field.name for field in kind.fields if field.is_visible), *(shown.name for shown in kind.shown)]


def _field(field: Field) -> dict[str, Any]:
    shown = {"name", "type", "access", "labels", "many", "unit", "scheme"}
    return field.model_dump(mode="json", include=shown, exclude_none=True)
