"""What is not graph: API keys, remembered answers to repeated writes, and the audit log, in SQL with migrations."""

from __future__ import annotations

from api.casework.database import Casework

__all__ = ["Casework"]
