"""SAFETY's rules of trust, webhooks, keys, tokens and masking, each by its name; the details are elsewhere."""

from __future__ import annotations

import hashlib
import hmac
import inspect
from dataclasses import replace

import pytest

from ci_bot.core import chat, trust
from ci_bot.core.asking import Candidate, refusal, was_there
from ci_bot.core.errors import BadDelivery, SignatureRefused
from ci_bot.core.events import Access, Actor, Permission
from ci_bot.core.gate import CheckState, Conclusion, judge
from ci_bot.core.mask import Masker, forms
from ci_bot.core.model import Run, RunKind, Verdict
from ci_bot.core.secret_names import refusal_of_name, warning_of_value
from ci_bot.core.trust import Policy, Role, Ruling, Source, Vouched
from ci_bot.forges.github import GitHubWebhook
from ci_bot.forges.github.permissions import NEEDED_PERMISSIONS
from tests.forges.github import payloads
from tests.make import ALICE, MALLORY, REPO, SHA_A, new_run, pull

SECRET = "a webhook secret of length"


def signed(body: bytes, algorithm: str = "sha256", secret: str = SECRET) -> str:
    return f"{algorithm}=" + hmac.new(secret.encode(), body, getattr(hashlib, algorithm)).hexdigest()


def may(actor: Actor, permission: Permission | None, account: int | None = None) -> Vouched:
    return Vouched(actor, None if permission is None else Access(account or actor.id, permission))


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


def test_a_bare_approval_counts_only_for_a_head_that_was_there_well_before_it() -> None:
    assert was_there(900.0, None, 1000.0)
    assert not was_there(950.0, None, 1000.0)
    assert not was_there(900.0, 990.0, 1000.0)
    assert not was_there(None, None, 1000.0)


def test_nobody_approves_their_own_pull_request() -> None:
    candidate = Candidate(None, new_run(), pull(author=ALICE, head_repo=99))
    assert refusal(candidate, may(ALICE, Permission.ADMIN))


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
    webhook, body = GitHubWebhook([SECRET], 1), b'{"a": 1}'
    webhook.verify({"X-Hub-Signature-256": signed(body)}, body)
    with pytest.raises(SignatureRefused):
        webhook.verify({"X-Hub-Signature-256": signed(body)}, b'{"a":1}')


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
