"""0008: what decides which ready job starts: families of cells, their limits, concurrency groups; and what jobs wait for."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"  # whose text has any length since 0006
    text = sa.Text(collation="C") if is_postgresql else sa.Text()
    for table in ("runs", "jobs"):
        op.add_column(table, sa.Column("slot", text, nullable=False, server_default=""))
        op.add_column(table, sa.Column("slot_limit", sa.Integer(), nullable=False, server_default="1"))
        op.add_column(
            table,
            sa.Column("slot_cancels", sa.Boolean(), nullable=False, server_default=sa.false()),
        )
    op.add_column(
        "jobs",
        sa.Column(
            "family", text if is_postgresql else sa.String(255), nullable=False, server_default=""
        ),
    )
    op.add_column("jobs", sa.Column("at_once", sa.Integer(), nullable=False, server_default="0"))
    op.add_column("jobs", sa.Column("waits", text, nullable=False, server_default=""))
    op.execute("UPDATE jobs SET family = key")
