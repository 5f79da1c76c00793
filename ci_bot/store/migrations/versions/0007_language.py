"""0007: cells of matrices bear their values in their key; jobs that their own condition skipped."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    op.add_column(
        "jobs", sa.Column("excluded", sa.Boolean(), nullable=False, server_default=sa.false())
    )
    if op.get_bind().dialect.name == "postgresql":  # whose text has any length since 0006
        return
    for table, column in (("jobs", "key"), ("audit", "job")):
        with op.batch_alter_table(table) as batch:
            batch.alter_column(column, type_=sa.String(255), existing_type=sa.String(64))
