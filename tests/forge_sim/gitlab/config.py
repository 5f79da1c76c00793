"""What a simulated GitLab is started with: frozen values, in; nothing out."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path


@dataclass(frozen=True, slots=True)
class Limits:
    """https://docs.gitlab.com/security/rate_limits/ and, for GitLab.com, https://docs.gitlab.com/user/gitlab_com/#rate-limits-on-gitlabcom.

    ``requests_a_minute``: authenticated API traffic of one user. ``notes_a_minute``: creation of notes.
    ``resends_a_minute``: resent events of one hook by one user. ``pipeline_jobs``: jobs of one pipeline, 0
    for no limit (https://docs.gitlab.com/administration/cicd/limits/#maximum-number-of-jobs-in-a-pipeline).
    ``diff_files``: of one diff, what is beyond is not told (https://docs.gitlab.com/administration/diff_limits/).
    """

    requests_a_minute: int = 2000
    notes_a_minute: int = 60
    resends_a_minute: int = 5
    pipeline_jobs: int = 0
    diff_files: int = 1000
    # Requests already on their way when the limit was answered are not held against the caller.
    polite_grace: float = 0.5


@dataclass(frozen=True, slots=True)
class Config:
    """``version`` says what is there: signing tokens from 19.0 on, resending from 17.4 on.

    ``tier`` is free or premium: group hooks are Premium's. ``backoff_first`` is how long a hook is
    disabled at first, in seconds; GitLab says one minute. ``local_hooks``: whether an administrator
    allows hooks to addresses of the local network.
    """

    data: Path
    port: int = 0
    host: str = "127.0.0.1"
    version: str = "19.2.0"
    tier: str = "premium"
    limits: Limits = field(default_factory=Limits)
    hook_timeout: float = 10.0
    backoff_first: float = 60.0
    local_hooks: bool = True
