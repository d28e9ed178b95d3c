"""An index by which old replies are found."""

from __future__ import annotations

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    """Make the index."""
    op.create_index("ix_idempotent_reply_started", "idempotent_reply", ["started"])
