"""Who may open which page: a run, the operator's rules and whether the link's key came along, yes or no out. Pure."""

from __future__ import annotations

from dataclasses import dataclass

from ci_bot.core.model import Run

DAY = 24 * 3600.0


@dataclass(frozen=True, slots=True)
class PageRules:
    """`open_pages`: those of public repositories need no key. `links_expire`: days, None for never."""

    open_pages: bool = False
    links_expire: int | None = None


def may_open(run: Run, rules: PageRules, now: float, *, has_key: bool) -> bool:
    """What is open expires for nobody; a private repository's page is never open."""
    if rules.open_pages and not run.repo.private:
        return True
    return has_key and not has_expired(run, rules, now)


def has_expired(run: Run, rules: PageRules, now: float) -> bool:
    """Counted from the newest attempt: who runs an old commit again may look at it again."""
    if rules.links_expire is None:
        return False
    newest = max([run.created_at, *(job.created_at for job in run.jobs)])
    return now > newest + rules.links_expire * DAY
