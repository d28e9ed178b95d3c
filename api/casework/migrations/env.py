"""Run by Alembic: the migrations work on the connection that `Casework.migrate` hands over."""

from __future__ import annotations

from alembic import context

from api.casework.tables import METADATA

context.configure(connection=context.config.attributes["connection"], target_metadata=METADATA)
context.run_migrations()
