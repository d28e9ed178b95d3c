"""What is not graph: API keys, remembered answers to writes, audit log, impressions, feedback; SQL with migrations."""

from __future__ import annotations

from api.casework.database import Casework

__all__ = ["Casework"]
