"""The tables. A change here needs a numbered migration beside it; a test compares the two.

Moments are seconds since the epoch. Values that are only read whole are JSON text.
"""

from __future__ import annotations

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Float,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from ci_bot.store.columns import Number, Words

NEWEST: Final = "0011"  # the migration that makes these tables; a test holds it to the last one

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_name)s",
        "pk": "pk_%(table_name)s",
    }
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("forge", Words(32), nullable=False),
    Column("delivery_id", Words(128), nullable=False),
    Column("body_sha256", Words(64), nullable=False),
    Column("headers", Words(), nullable=False),
    Column("body", LargeBinary, nullable=False),
    Column("turn", Words(128), nullable=False),
    Column("received_at", Float, nullable=False),
    Column("state", Words(16), nullable=False),  # pending, done, set_aside
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Column("reason", Words(), nullable=False, default=""),
    Column("done_at", Float),
    # The id header is not signed: the same id with another body is another delivery.
    UniqueConstraint("forge", "delivery_id", "body_sha256"),
    Index("ix_deliveries_state_turn_id", "state", "turn", "id", "due_at"),
)

repositories = Table(
    "repositories",
    metadata,
    Column("key", Words(64), primary_key=True),  # "github:123"
    Column("forge", Words(32), nullable=False),
    Column("forge_id", BigInteger, nullable=False),
    Column("name", Words(255), nullable=False),
    Column("default_branch", Words(255), nullable=False),
    Column("private", Boolean, nullable=False),
    Column("tenant", Words(64), nullable=False),
    Column("first_seen", Float, nullable=False),
    Column("locked", Boolean, nullable=False, default=False),
    Column("gone", Boolean, nullable=False, default=False),
    # The head of the default branch whose file `schedules` follows; "" before the first.
    Column("schedules_sha", Words(64), nullable=False, default=""),
    Index("ix_repositories_forge_tenant", "forge", "tenant"),
)

#: `on.schedule` of the default branches' files: when each is due next, and whose word it rests on.
schedules = Table(
    "schedules",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("repo", Words(64), ForeignKey("repositories.key"), nullable=False),
    Column("cron", Words(255), nullable=False),
    Column("branch", Words(255), nullable=False),  # "": the default branch
    Column("line", Integer, nullable=False),
    Column("sha", Words(64), nullable=False),  # where the file says so
    Column("actor", Words(), nullable=False),  # who brought that commit
    Column("due_at", Float, nullable=False),
    Column("last_due", Float),
    Column("outcome", Words(), nullable=False, default=""),  # of the last tick
    Column("run", Words(), nullable=False, default=""),  # natural key of what it started
    Column("paused", Words(), nullable=False, default=""),  # why nothing is started
    Column("created_at", Float, nullable=False),
    Index("ix_schedules_due_at", "due_at"),
    Index("ix_schedules_repo", "repo"),
)

runs = Table(
    "runs",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("key", Words(), nullable=False, unique=True),
    Column("repo", Words(64), ForeignKey("repositories.key"), nullable=False),
    Column("kind", Words(16), nullable=False),
    Column("ref", Words(), nullable=False),
    Column("sha", Words(64), nullable=False),
    Column("pull", Number),
    Column("verdict", Words(16), nullable=False),
    Column("actor", Words(), nullable=False),
    Column("title", Words(), nullable=False),
    Column("base_ref", Words(), nullable=False),
    Column("base_sha", Words(64), nullable=False),
    Column("reason", Words(), nullable=False),
    Column("problems", Words(), nullable=False),
    Column("plan", Words()),
    Column("superseded", Boolean, nullable=False, default=False),
    Column("over_at", Float),  # closed, deleted, left the queue: nobody waits for its head since
    Column("ruling", Words(24), nullable=False),
    Column("vouchers", Words(), nullable=False),
    Column("head_at", Float, nullable=False),
    Column("inspection", Words()),
    Column("created_at", Float, nullable=False),
    # The concurrency group of the run as a whole, as its plan has it; "" for none.
    Column("slot", Words(), nullable=False, default=""),
    Column("slot_limit", Integer, nullable=False, default=1),
    Column("slot_cancels", Boolean, nullable=False, default=False),
    Index("ix_runs_repo_sha", "repo", "sha"),
    Index("ix_runs_repo_pull", "repo", "pull"),
    Index("ix_runs_repo_ref", "repo", "ref"),
    Index("ix_runs_created_at_id", "created_at", "id"),
    Index("ix_runs_repo_id", "repo", "id"),
)

jobs = Table(
    "jobs",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("run_id", Words(32), ForeignKey("runs.id"), nullable=False),
    Column("key", Words(255), nullable=False),  # a cell of a matrix bears its values
    Column("attempt", Integer, nullable=False),
    Column("position", Integer, nullable=False),
    Column("status", Words(16), nullable=False),
    Column("reason", Words(), nullable=False, default=""),
    Column("created_at", Float, nullable=False),
    Column("started_at", Float),
    Column("finished_at", Float),
    # The lease. `epoch` rises with each holder, and every write of a holder names it.
    Column("holder", Words(128), nullable=False, default=""),
    Column("epoch", Integer, nullable=False, default=0),
    Column("lease_until", Float, nullable=False, default=0.0),
    Column("cancel_reason", Words(), nullable=False, default=""),
    Column("excluded", Boolean, nullable=False, default=False),  # skipped by its own condition
    # As the plan has it, for whoever chooses among the ready jobs of all runs.
    Column("family", Words(255), nullable=False, default=""),  # its id in the file
    Column("at_once", Integer, nullable=False, default=0),  # jobs of its family; 0: any number
    Column("slot", Words(), nullable=False, default=""),  # its concurrency group, "" for none
    Column("slot_limit", Integer, nullable=False, default=1),
    Column("slot_cancels", Boolean, nullable=False, default=False),
    Column("waits", Words(), nullable=False, default=""),  # why it does not start though it is ready
    Column("extras", Words()),  # `core.extras`; NULL where there are none
    Column("cause", Words(16), nullable=False, default="first"),  # how the attempt came about
    Column("due_at", Float, nullable=False, default=0.0),  # it does not start before
    UniqueConstraint("run_id", "key", "attempt"),
    Index("ix_jobs_status_created_at", "status", "created_at"),
)

steps = Table(
    "steps",
    metadata,
    Column("job_id", Words(32), ForeignKey("jobs.id"), primary_key=True),
    Column("position", Integer, primary_key=True),
    Column("status", Words(16), nullable=False),
    Column("generation", Integer, nullable=False, default=0),
    Column("exit_code", Integer),
    Column("reason", Words(), nullable=False, default=""),
    Column("started_at", Float),
    Column("finished_at", Float),
    Column("log_bytes", BigInteger, nullable=False, default=0),
    Column("memory_bytes", BigInteger),  # the most at one time; NULL where nobody counted
    Column("cpu_seconds", Float),
)

#: What was kept of a job's workspace; the pack on the disk has the job's id.
artifacts = Table(
    "artifacts",
    metadata,
    Column("job_id", Words(32), ForeignKey("jobs.id"), primary_key=True),
    Column("files", Words(), nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("packed", BigInteger, nullable=False),
    Column("expires_at", Float, nullable=False),
    Index("ix_artifacts_expires_at", "expires_at"),
)

#: Paths that runs of a repository's branch find again; the pack on the disk has the row's id. A local run
#: knows no repositories, so this table stands alone.
caches = Table(
    "caches",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("repo", Words(64), nullable=False),
    Column("branch", Words(), nullable=False),
    Column("key", Words(), nullable=False),
    Column("shape", Words(32), nullable=False),  # a digest of its paths
    Column("size", BigInteger, nullable=False),
    Column("worth", Float, nullable=False),  # seconds that the job which made it took
    Column("made_at", Float, nullable=False),
    Column("used_at", Float, nullable=False),
    Index("ix_caches_repo_branch", "repo", "branch"),
)

#: What a forge shows: a commit (`sha`) or a pull request's conversation (`pull`).
subjects = Table(
    "subjects",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("repo", Words(64), ForeignKey("repositories.key"), nullable=False),
    Column("sha", Words(64), nullable=False, default=""),
    Column("pull", Number, nullable=False, default=0),
    Column("wanted", Integer, nullable=False, default=1),  # version of the truth
    Column("shown", Integer, nullable=False, default=0),
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Column("reason", Words(), nullable=False, default=""),  # of the last failure to publish
    UniqueConstraint("repo", "sha", "pull"),
    Index("ix_subjects_due_at", "due_at"),
)

publications = Table(
    "publications",
    metadata,
    Column("subject", Number, ForeignKey("subjects.id"), primary_key=True),
    Column("name", Words(), primary_key=True),
    Column("generation", Integer, nullable=False),
    Column("handle", Words()),
    Column("sent", Boolean, nullable=False),
    Column("accepted", Words(64), nullable=False),
    Column("is_final", Boolean, nullable=False),
)

#: Commits of outsiders that somebody let run; a row that is not withdrawn holds for its sha alone.
approvals = Table(
    "approvals",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("repo", Words(64), ForeignKey("repositories.key"), nullable=False),
    Column("pull", Number, nullable=False, default=0),
    Column("sha", Words(64), nullable=False),
    Column("author_id", BigInteger, nullable=False),
    Column("voucher", Words(), nullable=False),
    Column("comment", BigInteger),
    Column("created_at", Float, nullable=False),
    Column("withdrawn_at", Float),
    Index("ix_approvals_repo_sha", "repo", "sha"),
    Index("ix_approvals_repo_author_id", "repo", "author_id"),
    Index("ix_approvals_repo_comment", "repo", "comment"),
)

#: What a decision asked to be done on a forge. The key makes that it is done once.
effects = Table(
    "effects",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("key", Words(255), nullable=False, unique=True),
    Column("repo", Words(64), ForeignKey("repositories.key"), nullable=False),
    Column("effect", Words(), nullable=False),
    Column("state", Words(16), nullable=False),  # pending, done, given_up
    Column("tries", Integer, nullable=False, default=0),
    Column("due_at", Float, nullable=False),
    Column("reason", Words(), nullable=False, default=""),  # of the last failure
    Column("created_at", Float, nullable=False),
    Index("ix_effects_state_due_at", "state", "due_at"),
)

#: Stored secrets, encrypted. A replaced or removed one is kept for a while, to be masked in the
#: output of steps that were given it.
secrets = Table(
    "secrets",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("scope", Words(64), nullable=False),  # a repository's key, or "github:tenant:42"
    Column("name", Words(128), nullable=False),
    Column("key_id", Words(32), nullable=False),
    Column("value", LargeBinary, nullable=False),
    Column("limits", Words(), nullable=False),  # events, branches, images
    Column("created_at", Float, nullable=False),
    Column("created_by", Words(255), nullable=False),
    Column("retired_at", Float),
    Index("ix_secrets_scope_name", "scope", "name"),
)

#: Tokens of the API. What is kept of one is a hash; a revoked one is kept for the record.
tokens = Table(
    "tokens",
    metadata,
    Column("id", Words(32), primary_key=True),
    Column("name", Words(64), nullable=False),
    Column("sha256", Words(64), nullable=False, unique=True),
    Column("scope", Words(16), nullable=False),  # read, write
    Column("repos", Words(), nullable=False),  # keys
    Column("created_at", Float, nullable=False),
    Column("created_by", Words(255), nullable=False),
    Column("expires_at", Float),
    Column("used_at", Float),
    Column("revoked_at", Float),
    Index("ix_tokens_name", "name"),
)

#: Who caused what. Written with what it is about, never changed.
audit = Table(
    "audit",
    metadata,
    Column("id", Number, primary_key=True, autoincrement=True),
    Column("at", Float, nullable=False),
    Column("action", Words(32), nullable=False),
    Column("actor_id", BigInteger, nullable=False),
    Column("actor", Words(255), nullable=False),
    Column("permission", Words(16), nullable=False),
    Column("repo", Words(64), nullable=False),
    Column("sha", Words(64), nullable=False, default=""),
    Column("run", Words(32), nullable=False, default=""),
    Column("job", Words(255), nullable=False, default=""),
    Column("step", Words(), nullable=False, default=""),
    Column("name", Words(128), nullable=False, default=""),
    Column("detail", Words(), nullable=False, default=""),
    Index("ix_audit_repo_at", "repo", "at"),
    Index("ix_audit_run", "run"),
)
