"""The store: SQLite or PostgreSQL behind the narrow protocols of `ci_bot.ports`."""

from ci_bot.store.database import Database
from ci_bot.store.decisions import DecisionStore
from ci_bot.store.inbox import InboxStore
from ci_bot.store.publications import PublicationStore
from ci_bot.store.runs import RunStore

__all__ = ["Database", "DecisionStore", "InboxStore", "PublicationStore", "RunStore"]
