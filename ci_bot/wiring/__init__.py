"""The only place that names concrete adapters: settings in, working programs out."""

from ci_bot.wiring.issuing import Issuing, ListedToken
from ci_bot.wiring.keeping import (
    AuditEntry,
    Keeping,
    PublicKey,
    Scope,
    open_keeping,
    own_public_key,
    seal,
)
from ci_bot.wiring.linking import Linking, open_linking
from ci_bot.wiring.local import Local, open_local
from ci_bot.wiring.looking import Archive, Examination, examinations, open_archive
from ci_bot.wiring.registering import (
    NO_APP,
    OpenRegistration,
    Wanted,
    open_registration,
    settings_lines,
    sync_app,
)
from ci_bot.wiring.server import Server, open_server
from ci_bot.workspace.tree import Tree, look_at

__all__ = [
    "NO_APP",
    "Archive",
    "AuditEntry",
    "Examination",
    "Issuing",
    "Keeping",
    "Linking",
    "ListedToken",
    "Local",
    "OpenRegistration",
    "PublicKey",
    "Scope",
    "Server",
    "Tree",
    "Wanted",
    "examinations",
    "look_at",
    "open_archive",
    "open_keeping",
    "open_linking",
    "open_local",
    "open_registration",
    "open_server",
    "own_public_key",
    "seal",
    "settings_lines",
    "sync_app",
]
