"""The store: SQLite or PostgreSQL behind the narrow protocols of `ci_bot.ports`."""

from ci_bot.store.alone import OneServer
from ci_bot.store.approvals import ApprovalStore
from ci_bot.store.artifacts import ArtifactStore
from ci_bot.store.audit import AuditStore
from ci_bot.store.caches import CacheStore
from ci_bot.store.database import Database
from ci_bot.store.decisions import DecisionStore
from ci_bot.store.effects import EffectStore
from ci_bot.store.inbox import InboxStore
from ci_bot.store.line import LineStore
from ci_bot.store.listing import RunListStore
from ci_bot.store.publications import PublicationStore
from ci_bot.store.repositories import RepositoryStore
from ci_bot.store.reserve import Reserve
from ci_bot.store.retention import RetentionStore
from ci_bot.store.runs import RunStore
from ci_bot.store.schedules import ScheduleStore
from ci_bot.store.secrets import SecretStore
from ci_bot.store.stock import StockStore
from ci_bot.store.tokens import TokenStore

__all__ = [
    "ApprovalStore",
    "ArtifactStore",
    "AuditStore",
    "CacheStore",
    "Database",
    "DecisionStore",
    "EffectStore",
    "InboxStore",
    "LineStore",
    "OneServer",
    "PublicationStore",
    "RepositoryStore",
    "Reserve",
    "RetentionStore",
    "RunListStore",
    "RunStore",
    "ScheduleStore",
    "SecretStore",
    "StockStore",
    "TokenStore",
]
