"""Rules of GitHub that its description does not hold, each with the page it was taken from.

Pure. A rule that is broken raises BrokenRule; the exchange records it as a violation and answers
422. *Product rules* are ci-bot's own and stricter than GitHub: breaking one fails the suite too.
"""

from __future__ import annotations

from typing import Any

from .state import CheckRun, CheckSuite, Json, Repo

# Real, stable, and missing from the description: a repository by its numeric id.
# Used by GitHub's own redirects: https://docs.github.com/en/rest/using-the-rest-api/best-practices-for-using-the-rest-api#follow-redirects
UNDESCRIBED_PATHS = frozenset({"/repositories/{id}"})

# https://docs.github.com/en/rest/checks/runs: "The Checks API limits the number of annotations to
# a maximum of 50 per API request"; "A maximum of three actions are accepted"
MOST_ANNOTATIONS = 50
MOST_ACTIONS = 3
# Same page: sizes of label, description and identifier.
ACTION_SIZES = {"label": 20, "description": 40, "identifier": 20}
# Same page: "Maximum length: 65535 characters" of summary and text.
MOST_OUTPUT = 65_535
# Same page: "The maximum size is 64 KB" (message, raw_details), "255 characters" (title).
ANNOTATION_SIZES = {"message": 65_536, "raw_details": 65_536, "title": 255}
# https://docs.github.com/en/rest/checks/runs#create-a-check-run: beyond 1,000 check runs of one
# name in a suite, the older ones are deleted.
MOST_RUNS_OF_A_NAME = 1000
# https://docs.github.com/en/rest/commits/statuses: at most 1,000 statuses per sha and context, more
# "will result in a validation error".
MOST_STATUSES = 1000
# FORGES.md; the description names the same size, but for deployment statuses only.
MOST_STATUS_DESCRIPTION = 140
# "Body is too long (maximum is 65536 characters)", 422: telia-oss/github-pr-resource issue 259.
# Measured otherwise in September 2026 (262,144 bytes, objectstack-ai/objectstack issue 18826); the
# smaller figure is kept, since it fits both.
MOST_COMMENT = 65_536
# FORGES.md, after https://docs.github.com/en/pull-requests/reference/status-checks: success,
# skipped and neutral let a required check pass.
PASSING = frozenset({"success", "neutral", "skipped"})
CONCLUSIONS = frozenset(
    {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
)
STATUSES = ("queued", "in_progress", "completed")
STATES = ("error", "failure", "pending", "success")


class BrokenRule(Exception):
    """``kind`` is ``rule`` (GitHub's) or ``product rule`` (ci-bot's); ``field`` what it is about."""

    def __init__(self, field: str, message: str, kind: str = "rule") -> None:
        super().__init__(message)
        self.kind = kind
        self.field = field
        self.message = message


def check_run_body(body: Json) -> None:
    """What a check run may carry, new or updated."""
    _state(body)
    for key in ("name", "external_id", "details_url"):
        if key in body and not isinstance(body[key], str):
            raise BrokenRule(key, f"{key} must be a string")
    if "output" in body:
        _output(body["output"])
    actions = body.get("actions", [])
    if len(actions) > MOST_ACTIONS:
        raise BrokenRule("actions", f"at most {MOST_ACTIONS} actions")
    for action in actions:
        for key, most in ACTION_SIZES.items():
            _text(action, f"actions.{key}", key, most, needed=True)


def _state(body: Json) -> None:
    """ "Required if you provide completed_at or a status of completed" (conclusion)."""
    status, conclusion = body.get("status"), body.get("conclusion")
    if status is not None and status not in STATUSES:
        raise BrokenRule("status", f"status {status!r} is not one an App may set")
    if conclusion is not None and conclusion not in CONCLUSIONS:
        raise BrokenRule("conclusion", f"conclusion {conclusion!r} is not one an App may set")
    if conclusion is None and (status == "completed" or body.get("completed_at")):
        raise BrokenRule("conclusion", "a completed check run needs a conclusion")


def _output(output: Any) -> None:
    if not isinstance(output, dict):
        raise BrokenRule("output", "output must be an object")
    _text(output, "output.title", "title", MOST_OUTPUT, needed=True)
    _text(output, "output.summary", "summary", MOST_OUTPUT, needed=True)
    _text(output, "output.text", "text", MOST_OUTPUT)
    annotations = output.get("annotations", [])
    if len(annotations) > MOST_ANNOTATIONS:
        raise BrokenRule("annotations", f"at most {MOST_ANNOTATIONS} annotations a request")
    for one in annotations:
        _annotation(one)


def _annotation(one: Json) -> None:
    for key in ("path", "start_line", "end_line", "annotation_level", "message"):
        if key not in one:
            raise BrokenRule("annotations", f"an annotation needs {key}")
    for key, most in ANNOTATION_SIZES.items():
        _text(one, f"annotations.{key}", key, most)
    # "Omit this parameter if start_line and end_line have different values."
    columns = "start_column" in one or "end_column" in one
    if columns and one["start_line"] != one["end_line"]:
        raise BrokenRule("annotations", "columns only where start_line is end_line")
    if one["start_line"] < 1 or one["end_line"] < one["start_line"]:
        raise BrokenRule("annotations", "lines start at 1 and do not end before they start")


def _text(holder: Json, field: str, key: str, most: int, *, needed: bool = False) -> None:
    value = holder.get(key)
    if value is None and not needed:
        return
    if not isinstance(value, str):
        raise BrokenRule(field, f"{field} must be a string")
    if len(value) > most:
        raise BrokenRule(field, f"{field} is too long (maximum is {most} characters)")


def runs_too_many(suite: CheckSuite, name: str) -> list[CheckRun]:
    """The oldest runs of that name that have to go."""
    same = [run for run in suite.runs if run.name == name]
    return same[: max(len(same) - MOST_RUNS_OF_A_NAME, 0)]


def completed_run_is_final(run: CheckRun, body: Json) -> None:
    """Product rule (DESIGN section 2): GitHub would let the App change it, ci-bot never does.

    Appending annotations or rewriting the output of the same conclusion is allowed.
    """
    if run.status != "completed":
        return
    status, conclusion = body.get("status"), body.get("conclusion")
    if status not in (None, "completed"):
        raise BrokenRule("status", "a completed check run is final", "product rule")
    if conclusion not in (None, run.conclusion):
        raise BrokenRule("conclusion", "a completed check run is final", "product rule")


def status_body(body: Json) -> None:
    """https://docs.github.com/en/rest/commits/statuses#create-a-commit-status."""
    if body.get("state") not in STATES:
        raise BrokenRule("state", f"state must be one of {', '.join(STATES)}")
    _text(body, "description", "description", MOST_STATUS_DESCRIPTION)
    target = body.get("target_url")
    if target is not None and not str(target).startswith(("http://", "https://")):
        raise BrokenRule("target_url", "target_url must use http(s)")


def status_count(repo: Repo, sha: str, context: str) -> None:
    same = [s for s in repo.statuses.get(sha, []) if s.context.lower() == context.lower()]
    if len(same) >= MOST_STATUSES:
        raise BrokenRule("context", "This SHA and context has reached the maximum of statuses")


def deployment_body(body: Json) -> None:
    """What ci-bot must say, so that GitHub neither merges nor waits for checks that depend on it.

    https://docs.github.com/en/rest/deployments/deployments#create-a-deployment
    """
    if body.get("auto_merge", True):
        raise BrokenRule("auto_merge", "a deployment of ci-bot merges nothing")
    if body.get("required_contexts") != []:
        raise BrokenRule("required_contexts", "a deployment of ci-bot waits for no check")
    _text(body, "description", "description", MOST_STATUS_DESCRIPTION)


def deployment_status_body(body: Json) -> None:
    """https://docs.github.com/en/rest/deployments/statuses#create-a-deployment-status."""
    _text(body, "description", "description", MOST_STATUS_DESCRIPTION)


def comment_body(body: Json) -> None:
    _text(body, "body", "body", MOST_COMMENT, needed=True)
    if not body["body"].strip():
        raise BrokenRule("body", "body can't be blank")
