"""Verification and parsing of deliveries, from the outside: headers and bytes."""

from __future__ import annotations

import base64
import copy
import json
import time
from dataclasses import asdict
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict
from standardwebhooks import Webhook as Standard
from standardwebhooks import WebhookVerificationError

from ci_bot.core.errors import BadDelivery, SettingsError, SignatureRefused
from ci_bot.core.events import Event
from ci_bot.forges.gitlab import GitLabWebhook
from ci_bot.forges.gitlab.webhook import WINDOW_SECONDS
from tests.forges.gitlab.payloads import BODIES, BOT, headers, push, raw
from tests.forges.gitlab.scene import ShiftedClock

KEY = "whsec_" + base64.b64encode(bytes(range(32))).decode()
OTHER = "whsec_" + base64.b64encode(bytes(range(1, 33))).decode()
PLAIN = "a plain token of ours"
BODY = raw(push())
NAMES = [*BODIES, "Job Hook", "Issue Hook", "no such event"]
CLOCK = ShiftedClock()


def signing(*tokens: str, plain: tuple[str, ...] = ()) -> GitLabWebhook:
    return GitLabWebhook(signing_tokens=tokens, plain_tokens=plain, clock=CLOCK, bot_id=BOT)


WEBHOOK = signing(KEY)
BY_TOKEN = GitLabWebhook(signing_tokens=[], plain_tokens=[PLAIN], clock=CLOCK)


def signed(
    body: bytes = BODY, key: str = KEY, *, at: float | None = None, id: str = "msg-1"
) -> dict[str, str]:
    """As the Standard Webhooks' own package signs."""
    moment = int(time.time() if at is None else at)
    signature = Standard(key).sign(id, datetime.fromtimestamp(moment, UTC), body.decode())
    return {"webhook-id": id, "webhook-timestamp": str(moment), "webhook-signature": signature}


def lets_in(found: Any, body: bytes = BODY, webhook: GitLabWebhook = WEBHOOK) -> bool:
    try:
        webhook.verify(found, body)
    except SignatureRefused as error:
        return error.status != 401
    return True


def parse(name: str, body: bytes) -> Event | None:
    return WEBHOOK.parse(headers(name), body)


# ── signed ───────────────────────────────────────────────────────────────────────────────────


def test_what_the_standard_webhooks_package_signs_is_let_in_and_what_we_let_in_it_lets_in() -> None:
    found = signed()
    assert lets_in(CIMultiDict({name.title(): value for name, value in found.items()}))
    assert Standard(KEY).verify(BODY, found) == push()


def test_the_key_is_what_the_token_encodes_and_not_the_token() -> None:
    wrong = base64.b64encode(KEY.encode()).decode()
    assert not lets_in(signed(key=f"whsec_{wrong}"))
    assert not lets_in(signed(key="whsec_" + base64.b64encode(KEY[6:].encode()).decode()))


def test_gitlabs_own_arithmetic_gives_the_same() -> None:
    """HMAC-SHA256 over id, time stamp and body with dots between: written out by hand, once.

    https://docs.gitlab.com/user/project/integrations/webhooks/#verify-webhook-signatures
    """
    import hashlib
    import hmac

    stamp = str(int(time.time()))
    digest = hmac.new(bytes(range(32)), f"id-9.{stamp}.".encode() + BODY, hashlib.sha256).digest()
    value = "v1," + base64.b64encode(digest).decode()
    assert lets_in({"webhook-id": "id-9", "webhook-timestamp": stamp, "webhook-signature": value})


def test_one_of_several_signatures_is_enough() -> None:
    found = signed()
    others = signed(key=OTHER)["webhook-signature"]
    listed = f"v1a,c29tZXRoaW5n {others} {found['webhook-signature']}"
    assert lets_in({**found, "webhook-signature": listed})
    assert not lets_in({**found, "webhook-signature": f"v1a,c29tZXRoaW5n {others}"})


def test_while_keys_are_rotated_either_one_opens() -> None:
    both = signing(OTHER, KEY)
    assert lets_in(signed(), webhook=both)
    assert lets_in(signed(key=OTHER), webhook=both)
    third = "whsec_" + base64.b64encode(b"x" * 32).decode()
    assert not lets_in(signed(key=third), webhook=both)


def test_id_time_and_body_are_all_signed() -> None:
    found = signed()
    assert not lets_in(found, BODY + b" ")
    assert not lets_in({**found, "webhook-id": "msg-2"})
    assert not lets_in({**found, "webhook-timestamp": str(int(found["webhook-timestamp"]) + 1)})


@pytest.mark.parametrize("off", [-WINDOW_SECONDS - 5, WINDOW_SECONDS + 5])
def test_what_was_signed_long_ago_or_ahead_is_refused_as_the_package_refuses_it(off: float) -> None:
    found = signed(at=time.time() + off)
    assert not lets_in(found)
    with pytest.raises(WebhookVerificationError):
        Standard(KEY).verify(BODY, found)


@pytest.mark.parametrize("off", [-WINDOW_SECONDS + 10, WINDOW_SECONDS - 10])
def test_within_the_window_it_counts(off: float) -> None:
    assert lets_in(signed(at=time.time() + off))


@pytest.mark.parametrize("name", ["webhook-id", "webhook-timestamp", "webhook-signature"])
@pytest.mark.parametrize(
    "value", [None, "", " ", "é", "\u0661", "x\n", "-1", "1e9", "v1,", "v1,é", "v2,AAAA"]
)
def test_a_header_that_is_missing_or_malformed_is_401(name: str, value: str | None) -> None:
    found = {key: given for key, given in signed().items() if key != name}
    assert not lets_in(found if value is None else {**found, name: value})


def test_a_plain_token_does_not_count_where_there_is_a_signing_token() -> None:
    both = signing(KEY, plain=(PLAIN,))
    unsigned = {"webhook-id": "msg-1", "webhook-timestamp": str(int(time.time()))}
    assert not lets_in({**unsigned, "X-Gitlab-Token": PLAIN}, webhook=both)
    with pytest.raises(SignatureRefused):
        both.require_signature({"X-Gitlab-Token": PLAIN})


def test_a_body_that_is_no_text_is_401() -> None:
    assert not lets_in(signed(), b"\xff not text")


@pytest.mark.parametrize("token", ["whsec_", "whsec_***", KEY[6:], "whsec_c2hvcnQ=", PLAIN, "whsec_é"])
def test_a_signing_token_that_is_none_is_refused_when_the_server_starts(token: str) -> None:
    with pytest.raises(SettingsError, match="signing_token"):
        signing(token)


@given(st.text(), st.text(), st.binary())
def test_no_signature_that_is_not_ours_is_let_in(value: str, id: str, body: bytes) -> None:
    stamp = str(int(time.time()))
    assert not lets_in({"webhook-id": id, "webhook-timestamp": stamp, "webhook-signature": value}, body)
    assert not lets_in(
        {"webhook-id": "a", "webhook-timestamp": value, "webhook-signature": value}, body
    )


# ── plain ────────────────────────────────────────────────────────────────────────────────────


def test_the_plain_token_is_let_in_where_no_signing_token_is_configured() -> None:
    assert lets_in({"x-gitlab-token": PLAIN}, webhook=BY_TOKEN)


@pytest.mark.parametrize("value", ["", PLAIN + " ", PLAIN.upper(), "é", "\udcff", "another"])
def test_another_token_is_401(value: str) -> None:
    assert not lets_in({"X-Gitlab-Token": value}, webhook=BY_TOKEN)
    assert not lets_in({}, webhook=BY_TOKEN)


@pytest.mark.parametrize("tokens", [[], [""]])
def test_without_any_token_everything_is_refused(tokens: list[str]) -> None:
    webhook = GitLabWebhook(signing_tokens=tokens, plain_tokens=tokens, clock=CLOCK)
    assert not lets_in({"X-Gitlab-Token": ""}, webhook=webhook)
    assert not lets_in(signed(), webhook=webhook)


# ── ids ──────────────────────────────────────────────────────────────────────────────────────


def test_the_delivery_id_is_the_one_that_is_signed() -> None:
    found = {**signed(), "Idempotency-Key": "somebody else's"}
    assert WEBHOOK.delivery_id(found) == "msg-1"
    with pytest.raises(BadDelivery):
        WEBHOOK.delivery_id({"Idempotency-Key": "d-1"})


def test_unsigned_it_is_what_stays_the_same_when_gitlab_sends_again() -> None:
    older = {"X-Gitlab-Webhook-UUID": "u-1", "X-Gitlab-Event-UUID": "shared"}
    assert BY_TOKEN.delivery_id({**older, "Idempotency-Key": "d-1"}) == "d-1"
    assert BY_TOKEN.delivery_id(older) == "u-1"


@pytest.mark.parametrize("value", ["", "a b", "x" * 129, "é", "a\n"])
def test_a_missing_or_malformed_delivery_id_is_a_bad_delivery(value: str) -> None:
    with pytest.raises(BadDelivery):
        BY_TOKEN.delivery_id({"Idempotency-Key": value})
    with pytest.raises(BadDelivery):
        WEBHOOK.delivery_id({"webhook-id": value})


# ── bodies ───────────────────────────────────────────────────────────────────────────────────


def test_a_missing_event_header_is_a_bad_delivery() -> None:
    with pytest.raises(BadDelivery):
        WEBHOOK.parse({}, BODY)


def test_a_delivery_from_the_store_reads_like_the_one_that_came() -> None:
    came = CIMultiDict({"X-Gitlab-Event": "Push Hook", "Content-Type": "application/json"})
    assert WEBHOOK.parse(came, BODY) == WEBHOOK.parse({"x-gitlab-event": "Push Hook"}, BODY) is not None


@pytest.mark.parametrize("name", ["Job Hook", "Issue Hook", "Pipeline Hook", "Confidential Note Hook"])
def test_what_asks_nothing_of_us_is_no_event(name: str) -> None:
    assert parse(name, raw({"object_kind": "build"})) is None


@pytest.mark.parametrize("name", BODIES)
@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"action":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"number": ' + b"9" * 5_000 + b"}",
        b'{"number": 1e999, "action": NaN}',
        b"null",
        b'"text"',
        b"[]",
        b"{}",
    ],
)
def test_hostile_json_is_a_bad_delivery(name: str, body: bytes) -> None:
    with pytest.raises(BadDelivery):
        parse(name, body)


@pytest.mark.parametrize("name", [name for name in BODIES if name != "System Hook"])
@pytest.mark.parametrize("of", [name for name in BODIES if name not in ("System Hook", "Project Hook")])
def test_the_body_of_one_event_does_not_pass_as_another(name: str, of: str) -> None:
    """The header is not signed. System hooks carry any of them, and say which in the body."""
    if name == of:
        assert parse(name, raw(BODIES[of])) == parse("System Hook", raw(BODIES[of])) is not None
        return
    with pytest.raises(BadDelivery):
        parse(name, raw(BODIES[of]))


def test_the_last_of_two_equal_keys_counts_and_is_checked_like_any_other() -> None:
    with pytest.raises(BadDelivery):
        parse("Push Hook", BODY[:-1] + b', "ref": 7}')


@pytest.mark.parametrize(
    "name", ["../evil", "acme/..", "acme", "a/b/", "acme/we b", "a/b?x", "a//b", "-a/b", ""]
)
def test_a_path_that_would_change_a_url_is_a_bad_delivery(name: str) -> None:
    body = push()
    body["project"] = {**body["project"], "path_with_namespace": name}
    with pytest.raises(BadDelivery):
        parse("Push Hook", raw(body))


@pytest.mark.parametrize("number", [True, 0, -1, 2**63, 1.0, "1", None])
def test_an_id_that_is_no_database_number_is_a_bad_delivery(number: Any) -> None:
    with pytest.raises(BadDelivery):
        parse("Push Hook", raw(push(user_id=number)))


def test_a_project_with_two_numbers_is_a_bad_delivery() -> None:
    with pytest.raises(BadDelivery):
        parse("Push Hook", raw(push(project_id=12)))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["open", "update", "close", "create", "push", "note", "refs/heads/x", "a" * 40])
)
KEYS = st.text() | st.sampled_from(sorted({key for body in BODIES.values() for key in body}))
JSON = st.recursive(
    SCALARS, lambda inner: st.lists(inner) | st.dictionaries(KEYS, inner), max_leaves=30
)


@given(st.sampled_from(NAMES), JSON)
def test_any_json_is_an_event_or_none_or_a_bad_delivery(name: str, body: Any) -> None:
    assert _is_total(name, raw(body))


@given(st.sampled_from(NAMES), st.binary())
def test_any_bytes_are_an_event_or_none_or_a_bad_delivery(name: str, body: bytes) -> None:
    assert _is_total(name, body)


@given(st.sampled_from(sorted(BODIES)), st.sampled_from(sorted(BODIES)), st.data())
def test_a_real_body_with_one_thing_changed_is_an_event_or_none_or_a_bad_delivery(
    name: str, of: str, data: st.DataObject
) -> None:
    body = copy.deepcopy(BODIES[of])
    places = list(_places(body))
    holder, key = places[data.draw(st.integers(0, len(places) - 1))]
    holder[key] = data.draw(JSON)
    assert _is_total(name, raw(body))


def _places(holder: Any) -> Any:
    pairs = holder.items() if isinstance(holder, dict) else enumerate(holder)
    for key, value in pairs:
        yield holder, key
        if isinstance(value, dict | list):
            yield from _places(value)


def _is_total(name: str, body: bytes) -> bool:
    """An event must also be writable: everything in it can be encoded."""
    try:
        event = parse(name, body)
    except BadDelivery as error:
        return bool(str(error))
    return event is None or bool(json.dumps(asdict(event), ensure_ascii=False).encode())
