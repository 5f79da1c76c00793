"""Verification and parsing of deliveries, from the outside: headers and bytes."""

from __future__ import annotations

import copy
import hmac
import json
from dataclasses import asdict
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict

from ci_bot.core.errors import BadDelivery, SignatureRefused
from ci_bot.core.events import Event
from ci_bot.forges.github import GitHubWebhook
from tests.forges.github.payloads import APP_ID, BODIES, headers, push, raw

SECRET = "a secret of ours"
BODY = raw(push())
NAMES = [*BODIES, "ping", "create", "star", "no such event"]
WEBHOOK = GitHubWebhook([SECRET], APP_ID)


def signature(body: bytes, secret: str = SECRET, algorithm: str = "sha256") -> str:
    digest = hmac.new(secret.encode(), body, algorithm).hexdigest()
    return f"{algorithm}={digest}"


def signed(value: str, name: str = "X-Hub-Signature-256") -> CIMultiDict[str]:
    return CIMultiDict({name: value})


def refusal(found: CIMultiDict[str] | dict[str, str], body: bytes = BODY) -> int:
    with pytest.raises(SignatureRefused) as caught:
        WEBHOOK.verify(found, body)
    return caught.value.status


def lets_in(value: str, body: bytes, webhook: GitHubWebhook = WEBHOOK) -> bool:
    try:
        webhook.verify(signed(value), body)
    except SignatureRefused:
        return False
    return True


def parse(name: str, body: bytes) -> Event | None:
    return WEBHOOK.parse(headers(name), body)


def test_a_delivery_signed_with_our_secret_is_let_in() -> None:
    assert lets_in(signature(BODY), BODY)


def test_while_secrets_are_rotated_either_one_opens() -> None:
    webhook = GitHubWebhook(["the new one", SECRET], APP_ID)
    assert lets_in(signature(BODY, "the new one"), BODY, webhook)
    assert lets_in(signature(BODY), BODY, webhook)
    assert not lets_in(signature(BODY, "an older one"), BODY, webhook)


def test_a_missing_signature_is_401() -> None:
    assert refusal(CIMultiDict()) == 401


def test_an_empty_signature_is_401() -> None:
    assert refusal(signed("")) == 401


def test_a_sha1_only_signature_is_401() -> None:
    assert refusal(signed(signature(BODY, algorithm="sha1"), "X-Hub-Signature")) == 401
    assert refusal(signed(signature(BODY, algorithm="sha1"))) == 401


def test_a_non_ascii_signature_is_401() -> None:
    assert refusal(signed("sha256=" + "é" * 64)) == 401
    assert refusal(signed("sha256=" + "٣" * 64)) == 401


@pytest.mark.parametrize(
    "value",
    [
        "sha256=",
        "sha256=" + "0" * 63,
        "sha256=" + "0" * 65,
        "sha256=" + "g" * 64,
        "SHA256=" + "0" * 64,
        "0" * 64,
        signature(BODY) + "\n",
        signature(BODY).upper(),
    ],
)
def test_a_malformed_signature_is_401(value: str) -> None:
    assert refusal(signed(value)) == 401


def test_a_wrong_signature_is_401() -> None:
    assert refusal(signed(signature(BODY, "another secret"))) == 401


def test_the_raw_bytes_are_what_is_verified() -> None:
    found = signed(signature(BODY))
    assert refusal(found, BODY + b" ") == 401
    assert refusal(found, BODY.replace(b'"ref"', b'"r\\u0065f"')) == 401
    assert lets_in(signature(b"\xff not text"), b"\xff not text")


@pytest.mark.parametrize("secrets", [[], [""]])
def test_without_a_secret_everything_is_refused(secrets: list[str]) -> None:
    webhook = GitHubWebhook(secrets, APP_ID)
    with pytest.raises(SignatureRefused):
        webhook.verify(signed(signature(BODY, "")), BODY)
    with pytest.raises(SignatureRefused):
        webhook.verify(CIMultiDict(), BODY)


@given(st.text(), st.binary())
def test_no_signature_that_is_not_ours_is_let_in(value: str, body: bytes) -> None:
    with pytest.raises(SignatureRefused):
        WEBHOOK.verify({"x-hub-signature-256": value}, body)


def test_the_delivery_id_is_the_header() -> None:
    guid = "72d3162e-cc78-11e3-81ab-4c9367dc0958"
    assert WEBHOOK.delivery_id({"x-github-delivery": guid}) == guid


@pytest.mark.parametrize("value", ["", "a b", "x" * 65, "é", "a\n"])
def test_a_missing_or_malformed_delivery_id_is_a_bad_delivery(value: str) -> None:
    with pytest.raises(BadDelivery):
        WEBHOOK.delivery_id({"X-GitHub-Delivery": value})
    with pytest.raises(BadDelivery):
        WEBHOOK.delivery_id({})


def test_a_missing_event_header_is_a_bad_delivery() -> None:
    with pytest.raises(BadDelivery):
        WEBHOOK.parse({}, BODY)


def test_a_delivery_from_the_store_reads_like_the_one_that_came() -> None:
    came = CIMultiDict({"X-GitHub-Event": "push", "Content-Type": "application/json"})
    stored = {"x-github-event": "push"}
    assert WEBHOOK.parse(came, BODY) == WEBHOOK.parse(stored, BODY) is not None


@pytest.mark.parametrize("name", ["ping", "create", "star", "workflow_run"])
def test_what_asks_nothing_of_us_is_no_event(name: str) -> None:
    assert parse(name, raw({"zen": "Keep it logically awesome."})) is None


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
        b"payload=%7B%7D",
    ],
)
def test_hostile_json_is_a_bad_delivery(name: str, body: bytes) -> None:
    with pytest.raises(BadDelivery):
        parse(name, body)


def test_the_last_of_two_equal_keys_counts_and_is_checked_like_any_other() -> None:
    twice = BODY[:-1] + b', "ref": 7}'
    with pytest.raises(BadDelivery):
        parse("push", twice)


def test_text_that_no_database_can_hold_is_made_writable() -> None:
    body = push(head_commit={"id": "a" * 40, "message": "nul \0 and half a pair \ud800"})
    event = parse("push", raw(body))
    assert event is not None
    assert event.message == "nul \ufffd and half a pair \ufffd"  # type: ignore[union-attr]


@pytest.mark.parametrize("ref", ["refs/heads/a\nb", "refs/heads/\ud800", "refs/heads/", "x" * 2000])
def test_a_ref_that_is_no_name_is_a_bad_delivery(ref: str) -> None:
    body = raw(push(ref=ref))
    if ref.startswith("x"):
        body = raw(push(ref="refs/heads/" + ref))
    with pytest.raises(BadDelivery):
        parse("push", body)


@pytest.mark.parametrize("name", ["../../evil", "acme/..", "acme", "a/b/c", "acme/we b", "a/b?x", ""])
def test_a_repository_name_that_would_change_a_url_is_a_bad_delivery(name: str) -> None:
    body = push()
    body["repository"] = {**body["repository"], "full_name": name}
    with pytest.raises(BadDelivery):
        parse("push", raw(body))


@pytest.mark.parametrize("number", [True, 0, -1, 2**63, 1.0, "1", None])
def test_an_id_that_is_no_database_number_is_a_bad_delivery(number: Any) -> None:
    body = push()
    body["sender"] = {**body["sender"], "id": number}
    with pytest.raises(BadDelivery):
        parse("push", raw(body))


SCALARS = (
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.text()
    | st.sampled_from(["opened", "closed", "deleted", "rerequested", "refs/heads/x", "a" * 40])
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


def test_the_documented_example_is_let_in() -> None:
    """The test's own signer agrees with GitHub's documented example.

    https://docs.github.com/webhooks/using-webhooks/validating-webhook-deliveries#testing-the-webhook-payload-validation
    """
    webhook = GitHubWebhook(["It's a Secret to Everybody"], APP_ID)
    documented = "sha256=757107ea0eb2509fc211221cce984b8a37570b6d7586c22c46f4379c8b043e17"
    assert lets_in(documented, b"Hello, World!", webhook)
    assert signature(b"Hello, World!", "It's a Secret to Everybody") == documented
