"""Run by Alembic: the migrations work on the connection that `Casework.migrate` hands over."""

from __future__ import annotations

from alembic import context

context.configure(connection=context.config.attributes["connection"])
context.run_migrations()
