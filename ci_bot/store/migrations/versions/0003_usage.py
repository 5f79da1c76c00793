"""0003: what steps used."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    op.add_column("steps", sa.Column("memory_bytes", sa.BigInteger(), nullable=True))
    op.add_column("steps", sa.Column("cpu_seconds", sa.Float(), nullable=True))
