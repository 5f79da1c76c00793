"""JSON shapes of check suites, check runs and annotations."""

from __future__ import annotations

from urllib.parse import quote

from ..gitobjects import Commit
from ..state import CheckRun, CheckSuite, Json, Pull, Repo
from .commits import in_suite
from .common import Urls, app, iso, node_id
from .pulls import reference
from .repos import api_url, minimal, web_url


def pulls_of(repo: Repo, sha: str) -> list[Pull]:
    """Open pull requests of this repository with that head; those from forks are not listed.

    https://docs.github.com/en/webhooks/webhook-events-and-payloads#check_suite: "pushes to forks
    are not seen and pull_requests is empty" for them.
    """
    return [
        p for p in repo.pulls.values() if p.state == "open" and p.head_sha == sha and p.head is repo
    ]


def run(urls: Urls, repo: Repo, one: CheckRun) -> Json:
    """``check-run``."""
    url = f"{api_url(urls, repo)}/check-runs/{one.id}"
    page = f"{web_url(urls, repo)}/runs/{one.id}"
    sha = one.suite.head_sha
    return {
        "id": one.id,
        "name": one.name,
        "node_id": node_id("CheckRun", one.id),
        "head_sha": sha,
        "external_id": one.external_id,
        "url": url,
        "html_url": page,
        "details_url": one.details_url or page,
        "status": one.status,
        "conclusion": one.conclusion,
        "started_at": one.started_at,
        "completed_at": one.completed_at,
        "output": {
            "title": one.output.get("title"),
            "summary": one.output.get("summary"),
            "text": one.output.get("text"),
            "annotations_count": len(one.annotations),
            "annotations_url": f"{url}/annotations",
        },
        "check_suite": {"id": one.suite.id},
        "app": app(urls, one.suite.app),
        "pull_requests": [reference(urls, p) for p in pulls_of(repo, sha)],
    }


def run_in_event(urls: Urls, repo: Repo, one: CheckRun) -> Json:
    """The same with its suite written out, as webhooks carry it."""
    suite = suite_in_event(urls, repo, one.suite)
    return {**run(urls, repo, one), "check_suite": suite}


def suite_in_event(urls: Urls, repo: Repo, one: CheckSuite) -> Json:
    url = f"{api_url(urls, repo)}/check-suites/{one.id}"
    return {
        "id": one.id,
        "node_id": node_id("CheckSuite", one.id),
        "head_branch": one.head_branch,
        "head_sha": one.head_sha,
        "status": one.status,
        "conclusion": one.conclusion,
        "url": url,
        "before": one.before,
        "after": one.after,
        "pull_requests": [reference(urls, p) for p in pulls_of(repo, one.head_sha)],
        "app": app(urls, one.app),
        "created_at": iso(one.created_at),
        "updated_at": iso(one.updated_at),
        "rerequestable": True,
        "runs_rerequestable": True,
    }


def suite(urls: Urls, repo: Repo, one: CheckSuite, head: Commit) -> Json:
    """``check-suite``."""
    return {
        **suite_in_event(urls, repo, one),
        "repository": minimal(urls, repo),
        **suite_tail(urls, repo, one, head),
    }


def suite_tail(urls: Urls, repo: Repo, one: CheckSuite, head: Commit) -> Json:
    """What a suite also has where it is the subject of an event."""
    return {
        "head_commit": in_suite(head),
        "latest_check_runs_count": len({r.name for r in one.runs}),
        "check_runs_url": f"{api_url(urls, repo)}/check-suites/{one.id}/check-runs",
    }


def annotation(urls: Urls, repo: Repo, sha: str, one: Json) -> Json:
    """``check-annotation``."""
    optional = ("start_column", "end_column", "title", "raw_details")
    return {
        "path": one["path"],
        "blob_href": f"{web_url(urls, repo)}/blob/{sha}/{quote(one['path'])}",
        "start_line": one["start_line"],
        "end_line": one["end_line"],
        "annotation_level": one["annotation_level"],
        "message": one["message"],
        **{key: one.get(key) for key in optional},
    }
