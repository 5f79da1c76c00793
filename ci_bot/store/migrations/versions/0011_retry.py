"""0011: how an attempt of a job came about, and when it may start."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0011"
down_revision = "0010"


def upgrade() -> None:
    is_postgresql = op.get_bind().dialect.name == "postgresql"
    words = sa.Text(collation="C") if is_postgresql else sa.String(16)
    op.add_column("jobs", sa.Column("cause", words, nullable=False, server_default="first"))
    op.add_column("jobs", sa.Column("due_at", sa.Float(), nullable=False, server_default="0"))
    op.execute("UPDATE jobs SET cause = 'person' WHERE attempt > 1")
