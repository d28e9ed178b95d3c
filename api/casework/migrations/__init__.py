"""Schema history of the casework database (Alembic)."""
