"""The first schema."""

from __future__ import annotations

from alembic import op

from inboxd.store import tables

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make every table of the first release."""
    tables.metadata.create_all(op.get_bind())
    op.execute(tables.FULL_TEXT)
