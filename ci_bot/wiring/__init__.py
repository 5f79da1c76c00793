"""The only place that names concrete adapters: settings in, working programs out."""

from ci_bot.wiring.issuing import Issuing, ListedToken
from ci_bot.wiring.keeping import Keeping, PublicKey, Scope, open_keeping, own_public_key, seal
from ci_bot.wiring.local import Local, open_local
from ci_bot.wiring.looking import Archive, Examination, examinations, open_archive
from ci_bot.wiring.server import Server, open_server
from ci_bot.workspace.tree import Tree, look_at

__all__ = [
    "Archive",
    "Examination",
    "Issuing",
    "Keeping",
    "ListedToken",
    "Local",
    "PublicKey",
    "Scope",
    "Server",
    "Tree",
    "examinations",
    "look_at",
    "open_archive",
    "open_keeping",
    "open_local",
    "open_server",
    "own_public_key",
    "seal",
]
