"""0005: since when nobody waits for the head of a run, and the way to old runs."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    op.add_column("runs", sa.Column("over_at", sa.Float(), nullable=True))
    op.create_index("ix_runs_created_at_id", "runs", ["created_at", "id"], unique=False)
