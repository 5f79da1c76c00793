"""0002: what a run's trust rests on, approvals, effects, stored secrets, and the audit."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"

ID = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    op.add_column(
        "runs", sa.Column("ruling", sa.String(length=24), nullable=False, server_default="run")
    )
    op.add_column("runs", sa.Column("vouchers", sa.Text(), nullable=False, server_default="[]"))
    op.add_column("runs", sa.Column("head_at", sa.Float(), nullable=False, server_default="0"))
    op.add_column("runs", sa.Column("inspection", sa.Text(), nullable=True))
    op.execute("UPDATE runs SET ruling = 'wait' WHERE verdict = 'held'")
    op.create_table(
        "approvals",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("repo", sa.String(length=64), nullable=False),
        sa.Column("pull", sa.Integer(), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("author_id", sa.BigInteger(), nullable=False),
        sa.Column("voucher", sa.Text(), nullable=False),
        sa.Column("comment", sa.BigInteger(), nullable=True),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("withdrawn_at", sa.Float(), nullable=True),
        sa.ForeignKeyConstraint(["repo"], ["repositories.key"], name=op.f("fk_approvals_repo")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_approvals")),
    )
    op.create_index("ix_approvals_repo_sha", "approvals", ["repo", "sha"], unique=False)
    op.create_index("ix_approvals_repo_author_id", "approvals", ["repo", "author_id"], unique=False)
    op.create_index("ix_approvals_repo_comment", "approvals", ["repo", "comment"], unique=False)
    op.create_table(
        "effects",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("key", sa.String(length=255), nullable=False),
        sa.Column("repo", sa.String(length=64), nullable=False),
        sa.Column("effect", sa.Text(), nullable=False),
        sa.Column("state", sa.String(length=16), nullable=False),
        sa.Column("tries", sa.Integer(), nullable=False),
        sa.Column("due_at", sa.Float(), nullable=False),
        sa.Column("reason", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.ForeignKeyConstraint(["repo"], ["repositories.key"], name=op.f("fk_effects_repo")),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_effects")),
        sa.UniqueConstraint("key", name=op.f("uq_effects_key")),
    )
    op.create_index("ix_effects_state_due_at", "effects", ["state", "due_at"], unique=False)
    op.create_table(
        "secrets",
        sa.Column("id", sa.String(length=32), nullable=False),
        sa.Column("scope", sa.String(length=64), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("key_id", sa.String(length=32), nullable=False),
        sa.Column("value", sa.LargeBinary(), nullable=False),
        sa.Column("limits", sa.Text(), nullable=False),
        sa.Column("created_at", sa.Float(), nullable=False),
        sa.Column("created_by", sa.String(length=255), nullable=False),
        sa.Column("retired_at", sa.Float(), nullable=True),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_secrets")),
    )
    op.create_index("ix_secrets_scope_name", "secrets", ["scope", "name"], unique=False)
    op.create_table(
        "audit",
        sa.Column("id", ID, autoincrement=True, nullable=False),
        sa.Column("at", sa.Float(), nullable=False),
        sa.Column("action", sa.String(length=32), nullable=False),
        sa.Column("actor_id", sa.BigInteger(), nullable=False),
        sa.Column("actor", sa.String(length=255), nullable=False),
        sa.Column("permission", sa.String(length=16), nullable=False),
        sa.Column("repo", sa.String(length=64), nullable=False),
        sa.Column("sha", sa.String(length=64), nullable=False),
        sa.Column("run", sa.String(length=32), nullable=False),
        sa.Column("job", sa.String(length=64), nullable=False),
        sa.Column("step", sa.Text(), nullable=False),
        sa.Column("name", sa.String(length=128), nullable=False),
        sa.Column("detail", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id", name=op.f("pk_audit")),
    )
    op.create_index("ix_audit_repo_at", "audit", ["repo", "at"], unique=False)
    op.create_index("ix_audit_run", "audit", ["run"], unique=False)
