"""0010: artifacts and caches, and what else there is of a job besides its steps."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"


def _words(length: int | None = None) -> sa.types.TypeEngine[str]:
    """As `store.columns.Words`: on PostgreSQL of any length, in the order of bytes."""
    if op.get_bind().dialect.name == "postgresql":
        return sa.Text(collation="C")
    return sa.String(length) if length else sa.Text()


def upgrade() -> None:
    op.add_column("jobs", sa.Column("extras", _words(), nullable=True))
    op.create_table(
        "artifacts",
        sa.Column("job_id", _words(32), nullable=False),
        sa.Column("files", _words(), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("packed", sa.BigInteger(), nullable=False),
        sa.Column("expires_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["job_id"], ["jobs.id"], name=op.f("fk_artifacts_job_id")),
        sa.PrimaryKeyConstraint("job_id", name=op.f("pk_artifacts")),
    )
    op.create_index("ix_artifacts_expires_at", "artifacts", ["expires_at"])
    op.create_table(
        "caches",
        sa.Column("id", _words(32), nullable=False),
        sa.Column("repo", _words(64), nullable=False),
        sa.Column("branch", _words(), nullable=False),
        sa.Column("key", _words(), nullable=False),
        sa.Column("shape", _words(32), nullable=False),
        sa.Column("size", sa.BigInteger(), nullable=False),
        sa.Column("worth", sa.Float(), nullable=False),
        sa.Column("made_at", sa.Float(), nullable=False),
        sa.Column("used_at", sa.Float(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_caches")),
    )
    op.create_index("ix_caches_repo_branch", "caches", ["repo", "branch"])
