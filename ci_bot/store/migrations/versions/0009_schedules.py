"""0009: schedules, and which head of the default branch they follow."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"


def upgrade() -> None:
    op.add_column(
        "repositories", sa.Column("schedules_sha", _text(64), nullable=False, server_default="")
    )
    op.create_table(
        "schedules",
        sa.Column("id", _text(32), primary_key=True),
        sa.Column("repo", _text(64), sa.ForeignKey("repositories.key"), nullable=False),
        sa.Column("cron", _text(255), nullable=False),
        sa.Column("branch", _text(255), nullable=False),
        sa.Column("line", sa.Integer(), nullable=False),
        sa.Column("sha", _text(64), nullable=False),
        sa.Column("actor", _text(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("last_due", sa.Float()),
        sa.Column("outcome", _text(), nullable=False),
        sa.Column("run", _text(), nullable=False),
        sa.Column("paused", _text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
    )
    op.create_index("ix_schedules_due_at", "schedules", ["due_at"])
    op.create_index("ix_schedules_repo", "schedules", ["repo"])


def _text(length: int | None = None) -> sa.types.TypeEngine[str]:
    """On PostgreSQL of any length, in the order of bytes; since 0006."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Text(collation="C")
    return sa.Text() if length is None else sa.String(length)
