"""Every protocol between ci-bot and the world, one file for each side of it. Read this first.

The rules are the prose above each protocol; `tests/contract` holds every adapter to them. Values that
cross a port are frozen and our own (`ci_bot.core`), never a forge's or an engine's. A method raises the
exceptions named here and no others; all of them stand in `ci_bot.core.errors`.
"""

from ci_bot.ports.deciding import (
    Approvals,
    Decisions,
    Delivery,
    DeliveryOutcome,
    Effects,
    Inbox,
    Repositories,
    StoredDelivery,
    StoredEffect,
)
from ci_bot.ports.executors import (
    OBJECTS_INSIDE,
    WHOLE,
    WORKSPACE_INSIDE,
    Alive,
    Differences,
    Executor,
    JobSpec,
    Session,
    StepSpec,
    Workspace,
    Workspaces,
)
from ci_bot.ports.files import FileSink, KeptPack, Packed, Packing, PackLimits, Packs
from ci_bot.ports.forges import (
    AppForm,
    AppMaking,
    CloneSource,
    DeployingForge,
    EventParser,
    ForgeCall,
    ForgeFacts,
    ForgeReports,
    OnCall,
    ReconcilingForge,
    TokenExpiry,
    Webhook,
)
from ci_bot.ports.keeping import ArtifactRecord, Artifacts, Caches, FoundCache, NewCache
from ci_bot.ports.logs import LogArchive, LogSink, LogWriter
from ci_bot.ports.publishing import Publications, Subject
from ci_bot.ports.runs import Claim, Lease, RunFilter, RunList, RunPage, Runs
from ci_bot.ports.schedules import TICKS, Branches, Schedules
from ci_bot.ports.secrets import Audit, AuditFilter, Secrets, Tokens, Vault
from ci_bot.ports.telling import Notifier, Spans
from ci_bot.ports.time import Clock, Ids
from ci_bot.ports.upkeep import BEGINNING, Forgotten, Past, Place, Stock, Stocktaking

__all__ = [
    "BEGINNING",
    "OBJECTS_INSIDE",
    "TICKS",
    "WHOLE",
    "WORKSPACE_INSIDE",
    "Alive",
    "AppForm",
    "AppMaking",
    "Approvals",
    "ArtifactRecord",
    "Artifacts",
    "Audit",
    "AuditFilter",
    "Branches",
    "Caches",
    "Claim",
    "Clock",
    "CloneSource",
    "Decisions",
    "Delivery",
    "DeliveryOutcome",
    "DeployingForge",
    "Differences",
    "Effects",
    "EventParser",
    "Executor",
    "FileSink",
    "ForgeCall",
    "ForgeFacts",
    "ForgeReports",
    "Forgotten",
    "FoundCache",
    "Ids",
    "Inbox",
    "JobSpec",
    "KeptPack",
    "Lease",
    "LogArchive",
    "LogSink",
    "LogWriter",
    "NewCache",
    "Notifier",
    "OnCall",
    "PackLimits",
    "Packed",
    "Packing",
    "Packs",
    "Past",
    "Place",
    "Publications",
    "ReconcilingForge",
    "Repositories",
    "RunFilter",
    "RunList",
    "RunPage",
    "Runs",
    "Schedules",
    "Secrets",
    "Session",
    "Spans",
    "StepSpec",
    "Stock",
    "Stocktaking",
    "StoredDelivery",
    "StoredEffect",
    "Subject",
    "TokenExpiry",
    "Tokens",
    "Vault",
    "Webhook",
    "Workspace",
    "Workspaces",
]
