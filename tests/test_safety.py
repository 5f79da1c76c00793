"""The rules that keep people safe, each by its name: `RULES` says where each is proved, the short ones here."""

from __future__ import annotations

import ast
import hashlib
import hmac
import inspect
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import TypeAlias

import pytest
from gidgethub import sansio

from ci_bot.core import chat, trust
from ci_bot.core.asking import Candidate, approve, refusal, retry, was_there
from ci_bot.core.chat.retry import SUMMARY
from ci_bot.core.environment import step_environment
from ci_bot.core.errors import BadDelivery, SignatureRefused
from ci_bot.core.events import Access, Actor, Permission, PullRequestChanged
from ci_bot.core.gate import CheckState, Conclusion, judge
from ci_bot.core.mask import Masker, forms
from ci_bot.core.model import JobRun, Run, RunKind, Verdict
from ci_bot.core.pipeline import Limits, read
from ci_bot.core.planned import Job, Step
from ci_bot.core.secret_names import refusal_of_name, warning_of_value
from ci_bot.core.states import Status
from ci_bot.core.trust import Policy, Role, Ruling, Source, Vouched
from ci_bot.executors.docker import convert
from ci_bot.executors.docker.limits import Limits as DockerLimits
from ci_bot.forges.github import GitHubWebhook, webhook
from ci_bot.forges.github.permissions import NEEDED_PERMISSIONS
from ci_bot.ports import JobSpec, StepSpec, Workspace
from ci_bot.workspace import mirror
from tests.forges.github import payloads
from tests.make import ALICE, MALLORY, REPO, SHA_A, new_run, pull
from tests.rig import ROOT
from tests.safety_rules import RULES

TESTS = Path(__file__).parent
Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef

SECRET = "a webhook secret of length"


def signed(body: bytes, algorithm: str = "sha256", secret: str = SECRET) -> str:
    return f"{algorithm}=" + hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()


def may(actor: Actor, permission: Permission | None, account: int | None = None) -> Vouched:
    return Vouched(actor, None if permission is None else Access(account or actor.id, permission))


@pytest.mark.parametrize("rule", RULES)
def test_rule(rule: str) -> None:
    """What proves it is there, is run, and does look at something."""
    assert RULES[rule]
    for name in RULES[rule]:
        file, _, test = name.partition("::")
        found = _functions(TESTS / file).get(test)
        assert found is not None, f"{name} is not there"
        marks = ast.unparse(ast.Module(found.decorator_list, []))  # type: ignore[arg-type]
        assert "mark.skip" not in marks, f"{name} is skipped"
        assert "mark.xfail" not in marks, f"{name} is expected to fail"
        assert _looks_at_something(found, TESTS / file), f"{name} asserts nothing"


@cache
def _functions(file: Path) -> dict[str, Function]:
    tree = ast.parse(file.read_text(encoding="utf-8"))
    return {
        node.name: node
        for node in ast.walk(tree)
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }


def _looks_at_something(function: Function, file: Path) -> bool:
    """It asserts, expects an error, or calls a function of its file that does."""
    for node in ast.walk(function):
        if isinstance(node, ast.Assert):
            return True
        if isinstance(node, ast.Attribute) and node.attr == "raises":
            return True
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
            called = _functions(file).get(node.func.id)
            if called is not None and called is not function and _looks_at_something(called, file):
                return True
    return False


# ── trust ────────────────────────────────────────────────────────────────────────────────────


def test_identity_is_the_numeric_account_id_and_never_a_name() -> None:
    renamed = Vouched(MALLORY, Access(ALICE.id, Permission.ADMIN))  # the login was taken over
    assert not renamed.may_write


def test_a_permission_that_cannot_be_read_fails_closed() -> None:
    assert not may(ALICE, None).may_write


def test_author_association_and_commit_authors_are_read_nowhere() -> None:
    from ci_bot.forges.github import translate, values

    text = inspect.getsource(translate) + inspect.getsource(values)
    assert "author_association" not in text
    assert '"author"' not in text


def test_being_a_member_of_the_organisation_is_not_enough() -> None:
    """What the forge says of members who may do no more is "read"."""
    for permission in (Permission.NONE, Permission.READ):
        assert not may(ALICE, permission).may_write


def test_an_approval_is_recorded_for_exactly_one_commit() -> None:
    waiting = new_run(verdict=Verdict.HELD, ruling=Ruling.WAIT, plan=None, sha=SHA_A)
    candidate = Candidate(None, waiting, pull(SHA_A, author=MALLORY, head_repo=99))
    decision = approve(REPO, SHA_A, [candidate], may(ALICE, Permission.WRITE), 77, 5.0)
    assert [(each.sha, each.voucher.actor) for each in decision.approve] == [(SHA_A, ALICE)]
    assert {new.sha for new in decision.create} == {SHA_A}


@pytest.mark.parametrize(
    "action",
    ["opened", "synchronize", "reopened", "edited", "ready_for_review", "labeled", "assigned"],
)
def test_every_action_of_a_strangers_pull_request_finds_the_gate_closed(action: str) -> None:
    """Also one by an administrator: only who brings a head vouches for it."""
    changes = {"base": {"ref": {"from": "old"}}}
    body = payloads.pull_request(action, **({"changes": changes} if action == "edited" else {}))
    event = GitHubWebhook([SECRET], 1).parse(payloads.headers("pull_request"), payloads.raw(body))
    if event is None:
        return  # it asks for nothing
    assert isinstance(event, PullRequestChanged)
    people = [(Role.AUTHOR, may(MALLORY, Permission.READ)), (Role.SENDER, may(ALICE, Permission.ADMIN))]
    judged = trust.judge(Source.FORK, people, Policy(), brought=event.brought_head, now=5.0)
    assert judged.ruling is Ruling.WAIT


@pytest.mark.parametrize("trigger", ["pull_request_target", "workflow_run", "issue_comment"])
def test_no_trigger_runs_a_head_with_the_secrets_of_its_base(trigger: str) -> None:
    text = f"on: {trigger}\njobs: {{test: {{steps: [make]}}}}\n".encode()
    found = read(text, file=".ci.yaml", default_image="img", limits=Limits())
    assert found.pipeline is None
    assert found.problems
    assert {"push", "pull_request", "tag", "merge_group", "schedule", "manual"} >= set(RunKind)


def test_a_retry_takes_runs_of_its_own_commit_alone() -> None:
    runs = [Run("r", "k", REPO, RunKind.PUSH, "main", SHA_A, Verdict.PLANNED, ALICE, 0.0)]
    (again,) = retry(REPO, SHA_A, runs, may(ALICE, Permission.WRITE)).retry
    assert (again.sha, again.runs) == (SHA_A, ("r",))


def test_retry_says_that_it_means_the_current_head() -> None:
    assert "current head" in SUMMARY


def test_a_bare_approval_counts_only_for_a_head_that_was_there_well_before_it() -> None:
    assert was_there(900.0, None, 1000.0)
    assert not was_there(950.0, None, 1000.0)
    assert not was_there(900.0, 990.0, 1000.0)
    assert not was_there(None, None, 1000.0)


def test_nobody_approves_their_own_pull_request() -> None:
    candidate = Candidate(None, new_run(), pull(author=ALICE, head_repo=99))
    assert refusal(REPO, candidate, may(ALICE, Permission.ADMIN))


@pytest.mark.parametrize("outsiders", trust.Outsiders)
def test_no_policy_gives_an_unapproved_stranger_a_secret(outsiders: trust.Outsiders) -> None:
    for standing in (trust.Standing.STRANGERS, trust.Standing.RETURNING):
        ruling = trust.rule(Source.FORK, standing, Policy(outsiders), approved=False)
        assert ruling is not Ruling.RUN


def test_what_was_ruled_first_is_what_a_retry_keeps() -> None:
    kept = trust.inherited(Ruling.RUN_WITHOUT_SECRETS, (), "")
    assert kept.ruling is Ruling.RUN_WITHOUT_SECRETS


@pytest.mark.parametrize("verdict", Verdict)
def test_the_gate_is_never_skipped_or_neutral(verdict: Verdict) -> None:
    run = Run("r", "k", REPO, RunKind.PUSH, "main", SHA_A, verdict, ALICE, 0.0)
    answer = judge([run])
    assert answer.state is CheckState.COMPLETED
    assert answer.conclusion not in (None, Conclusion.SKIPPED)


# ── webhooks ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("signature", ["", "sha256=", "sha256=" + "0" * 64, "sha256=é", "x"])
def test_a_missing_empty_or_wrong_signature_is_refused(signature: str) -> None:
    headers = {"X-Hub-Signature-256": signature} if signature else {}
    with pytest.raises(SignatureRefused):
        GitHubWebhook([SECRET], 1).verify(headers, b"{}")


def test_a_signature_of_sha_1_alone_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        GitHubWebhook([SECRET], 1).verify({"X-Hub-Signature": signed(b"{}", "sha1")}, b"{}")


def test_without_a_secret_everything_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        GitHubWebhook([""], 1).verify({"X-Hub-Signature-256": signed(b"{}", secret="")}, b"{}")


def test_the_signature_is_over_the_raw_bytes() -> None:
    hook, body = GitHubWebhook([SECRET], 1), b'{"a": 1}'
    hook.verify({"X-Hub-Signature-256": signed(body)}, body)
    with pytest.raises(SignatureRefused):
        hook.verify({"X-Hub-Signature-256": signed(body)}, b'{"a":1}')


def test_signatures_are_compared_in_constant_time_and_nowhere_else() -> None:
    """By gidgethub, which the verifier asks; nothing of ours compares digests by itself."""
    assert "sansio.validate_event(" in inspect.getsource(webhook)
    assert "compare_digest" in inspect.getsource(sansio.validate_event)
    for file in (ROOT / "ci_bot").rglob("*.py"):
        assert "hexdigest() ==" not in file.read_text(encoding="utf-8"), file


def test_no_address_of_a_payload_is_ever_used() -> None:
    """A body full of somebody else's addresses asks for exactly the same."""
    evil = dict.fromkeys(
        ("url", "html_url", "clone_url", "ssh_url", "git_url", "statuses_url", "events_url"),
        "https://evil.example.com/x",
    )
    bodies = {
        "push": payloads.push(),
        "pull_request": payloads.pull_request(),
        "issue_comment": payloads.issue_comment(),
    }
    for name, body in bodies.items():
        changed = {
            key: value | evil if isinstance(value, dict) else value for key, value in body.items()
        }
        first, second = (
            GitHubWebhook([SECRET], 1).parse(payloads.headers(name), payloads.raw(each))
            for each in (body, changed)
        )
        assert first is not None
        assert first == second


@pytest.mark.parametrize("body", [b"[" * 100_000, b'{"a": ' + b"9" * 5000 + b"}", b"\xff", b"null"])
def test_hostile_json_is_a_refusal_and_never_a_crash(body: bytes) -> None:
    with pytest.raises(BadDelivery):
        GitHubWebhook([SECRET], 1).parse({"X-GitHub-Event": "push"}, body)


def test_a_body_must_have_its_events_own_shape() -> None:
    body = payloads.raw(payloads.issue_comment())
    for name in ("push", "repository", "installation"):
        headers = {"X-GitHub-Event": name}
        with pytest.raises(BadDelivery):
            GitHubWebhook([SECRET], 1).parse(headers, body)


# ── comments ─────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(
    "body",
    [
        "> /approve",
        "`/approve`",
        "```\n/approve\n```",
        "<!-- \n\n/approve\n\n -->",
        "<details>\n\n/approve\n\n</details>",
        "[x]: <\n/approve>",
        "text\u2028/approve",
        "text\x0b/approve",
        "/аpprove",  # noqa: RUF001 - a Cyrillic letter
    ],
)
def test_no_comment_that_a_person_cannot_see_commands_the_bot(body: str) -> None:
    assert chat.parse(body) == ()


# ── programs and containers ──────────────────────────────────────────────────────────────────


def test_programs_are_started_with_lists_in_three_places_alone() -> None:
    """No shell of the server ever sees a word of anybody's."""
    starting = {"create_subprocess_exec", "create_subprocess_shell", "Popen", "system", "popen"}
    starting |= {"check_output", "check_call", "execvp", "spawnvp", "run_in_shell"}
    found = set()
    for file in (ROOT / "ci_bot").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        assert "shell=True" not in text, file
        names = {node.attr for node in ast.walk(ast.parse(text)) if isinstance(node, ast.Attribute)}
        if names & starting or "subprocess.run" in text:
            found.add(str(file.relative_to(ROOT)))
    assert found == {
        "ci_bot/workspace/git.py",
        "ci_bot/executors/docker/ownership.py",
        "ci_bot/evaluation/apart.py",  # this very program
    }


def test_git_takes_addresses_after_the_end_of_options() -> None:
    fetching = inspect.getsource(mirror)
    assert fetching.index('"--end-of-options"') < fetching.index("clean_url(source.url), *specs")


def test_our_own_containers_take_no_environment() -> None:
    job = JobSpec("j1", "r1", "acme/web", Job("build", "build", ()), Workspace(Path("/w"), None))
    step = Step("a", "make", "img", env={"BASH_ENV": "/evil"})
    spec = StepSpec(0, 1, step, {"LD_PRELOAD": "/evil"}, {"TOKEN": "hunter2"})
    made = convert.owner_container(
        "prod", job, spec, "sha256:abc", "1:1", {}, DockerLimits(memory=1 << 30)
    )
    assert "Env" not in made
    assert "evil" not in str(made)
    assert "hunter2" not in str(made)


def test_the_environment_of_a_step_holds_no_credential() -> None:
    run = Run("r", "k", REPO, RunKind.PUSH, "main", SHA_A, Verdict.PLANNED, ALICE, 0.0)
    step, job = Step("a", "make", "img"), Job("build", "build", ())
    attempt = JobRun("j", "r", "build", "build", 1, Status.RUNNING, ())
    env = step_environment(run, job, attempt, step, "https://ci.example.com/r")
    assert all(name.startswith("CI") for name in env)
    assert not [name for name in env if "TOKEN" in name or "KEY" in name or "PASSWORD" in name]


# ── keys and tokens ──────────────────────────────────────────────────────────────────────────


def test_the_app_asks_for_the_least_permissions() -> None:
    assert NEEDED_PERMISSIONS["contents"] == "read"
    assert "administration" not in NEEDED_PERMISSIONS


@pytest.mark.parametrize("name", ["PATH", "path", "LD_PRELOAD", "CI_TOKEN", "CI", "BASH_ENV"])
def test_a_secret_is_not_called_what_a_shell_or_a_loader_obeys(name: str) -> None:
    assert refusal_of_name(name)


# ── masking ──────────────────────────────────────────────────────────────────────────────────


def test_every_form_of_a_secret_is_masked_across_any_cut() -> None:
    secret = b"p4ss w0rd/with\n'quotes' & more"
    for form in sorted(forms(secret)):
        for cut in range(len(form) + 1):
            masker = Masker([secret])
            out = masker.feed(b"<" + form[:cut]) + masker.feed(form[cut:] + b">") + masker.close()
            assert form not in out, (form, cut)


@pytest.mark.parametrize("value", [b"a", b"ab", b"true", b"NO"])
def test_what_cannot_be_masked_is_warned_of(value: bytes) -> None:
    assert warning_of_value(value)


def test_trust_rests_on_somebody_on_record() -> None:
    judged = trust.judge(Source.FORK, [(Role.SENDER, may(ALICE, Permission.WRITE))], Policy(), now=5.0)
    assert [replace(voucher, at=0.0).actor for voucher in judged.vouchers] == [ALICE]
