"""0007: what decides which ready job starts: families of cells, their limits, concurrency groups; and what jobs wait for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    for table in ("runs", "jobs"):
        op.add_column(table, sa.Column("slot", sa.Text(), nullable=False, server_default=""))
        op.add_column(table, sa.Column("slot_limit", sa.Integer(), nullable=False, server_default="1"))
        op.add_column(
            table,
            sa.Column("slot_cancels", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    op.add_column("jobs", sa.Column("family", sa.String(255), nullable=False, server_default=""))
    op.add_column("jobs", sa.Column("at_once", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("waits", sa.Text(), nullable=False, server_default=""))
    op.execute("UPDATE jobs SET family = key")
