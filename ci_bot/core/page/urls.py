"""The addresses of one run's pages: its id, the key that opens it and our own address in, paths out. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, urlencode

from ci_bot.core.events import Repo
from ci_bot.core.model import JobRun


@dataclass(frozen=True, slots=True)
class RunUrls:
    """`base` is the path under which people reach the server, "" or "/ci"; `key` "" where none is needed."""

    base: str
    run_id: str
    key: str

    def run(self) -> str:
        return self._at("")

    def job(self, job: JobRun, **more: str | int) -> str:
        return self._at(f"/{job.id}", **more)

    def text(self, job: JobRun | None = None) -> str:
        return self._at(f"/{job.id}/text" if job else "/text")

    def search(self, job: JobRun) -> str:
        return self._at(f"/{job.id}/search")

    def state(self, job: JobRun | None) -> str:
        return self._at("/events", job=job.id) if job else self._at("/events")

    def artifacts(self, job: JobRun) -> str:
        return self._at(f"/{job.id}/artifacts")

    def step(self, job: JobRun, index: int, what: str) -> str:
        """`what`: "lines", "raw" or "events"."""
        return self._at(f"/{job.id}/{index}/{what}")

    def _at(self, path: str, **more: str | int) -> str:
        asked = {name: value for name, value in ({"key": self.key} | more).items() if value != ""}
        query = f"?{urlencode(asked)}" if asked else ""
        return f"{self.base}/runs/{quote(self.run_id)}{path}{query}"


def list_url(base: str, repo: Repo, key: str, before: str = "", branch: str = "") -> str:
    asked = {"key": key, "branch": branch, "before": before}
    query = urlencode({name: value for name, value in asked.items() if value})
    return f"{base}/repos/{quote(repo.forge)}/{quote(repo.name)}" + (f"?{query}" if query else "")


def line_anchor(job_key: str, step: int, line: int) -> str:
    """What stands after the `#` of a link to a line: "test/2:L12", step and line counted from 1."""
    return f"{quote(job_key, safe='')}/{step + 1}:L{line}"
