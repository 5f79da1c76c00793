"""apprise against real services: one message arrives, and every other end is known for what it is."""

from __future__ import annotations

import pytest

from ci_bot.core.effects import Turn
from ci_bot.core.errors import NoticeFailed, NoticeUncertain, SettingsError
from ci_bot.core.notices import Notice
from ci_bot.notify import Notifications, Rule, notifications
from ci_bot.notify.addresses import name_of
from tests.make import REPO
from tests.notify.sinks import http_sink, mail_sink
from tests.rig import free_port

BROKEN = Notice(
    Turn.FAILURE,
    "acme/shop: main is broken",
    "Failed: <b>test</b> & *lint*\nCommit aaaaaaa by alice: Mend\nhttps://ci.example/runs/r?key=1",
)


def told(url: str) -> Notifications:
    return Notifications([Rule(("acme/*",), (), (Turn.FAILURE,), (url,))], lambda _: None)


async def send(url: str) -> None:
    await told(url).send(name_of(url), BROKEN)


async def test_a_service_gets_one_message_as_it_is() -> None:
    async with http_sink() as sink:
        await send(sink.url)
        (message,) = sink.got
    assert message["title"] == BROKEN.title
    assert message["message"] == BROKEN.body
    assert message["type"] == "failure"


async def test_people_get_one_mail() -> None:
    async with mail_sink() as sink:
        await send(sink.url)
        (mail,) = sink.got
    assert mail["subject"] == BROKEN.title
    assert "team@acme.example" in mail["to"]
    for part in mail.walk():
        if part.get_content_maintype() == "text":
            is_html = part.get_content_subtype() == "html"
            words = part.get_content()
            assert "https://ci.example/runs/r?key=1" in words
            assert ("<b>test</b>" in words) is not is_html, words


async def test_a_refusal_is_told_without_the_address() -> None:
    async with http_sink() as sink:
        sink.answers = [500]
        with pytest.raises(NoticeFailed, match=r"json did not take it: .*500") as refused:
            await send(sink.url)
        assert len(sink.got) == 1
    assert not isinstance(refused.value, NoticeUncertain)
    assert "secret" not in str(refused.value)


async def test_a_service_that_is_not_there_did_not_take_it() -> None:
    with pytest.raises(NoticeFailed) as refused:
        await send(f"json://user:passw0rd@127.0.0.1:{free_port()}/a-long-secret-path/")
    assert not isinstance(refused.value, NoticeUncertain)
    assert "passw0rd" not in str(refused.value)


async def test_an_answer_that_does_not_come_leaves_it_uncertain(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(notifications, "SEND_SECONDS", 0.5)
    async with http_sink() as sink:
        sink.answers = [3]
        with pytest.raises(NoticeUncertain, match="did not answer"):
            await send(sink.url)
        assert len(sink.got) == 1


async def test_an_address_that_went_is_not_told() -> None:
    async with http_sink() as sink:
        with pytest.raises(NoticeFailed, match="no longer in the settings"):
            await told(sink.url).send("0" * 16, BROKEN)
        assert sink.got == []


@pytest.mark.parametrize("url", ["bogus://a-secret-token", "a-secret-token", "slack://short"])
def test_an_address_that_is_none_is_refused_without_being_shown(url: str) -> None:
    with pytest.raises(SettingsError, match="is no address that apprise understands") as refused:
        told(url)
    assert "a-secret-token" not in str(refused.value)


def test_the_rules_say_who_hears() -> None:
    url = "json://127.0.0.1:1/"
    assert told(url).targets(REPO, "main", Turn.FAILURE) == (name_of(url),)
    assert told(url).targets(REPO, "main", Turn.RECOVERY) == ()


async def test_every_part_that_is_secret_is_told_each_time_before_it_is_used() -> None:
    known: list[bytes] = []
    url = f"json://user:passw0rd@127.0.0.1:{free_port()}/a-long-secret-path/"
    told = Notifications([Rule(("*",), (), (Turn.FAILURE,), (url,))], known.append)
    secrets = {url.encode(), b"passw0rd", b"a-long-secret-path"}
    assert secrets <= set(known)
    known.clear()
    with pytest.raises(NoticeFailed):
        await told.send(name_of(url), BROKEN)
    assert secrets <= set(known)
