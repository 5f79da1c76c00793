"""The desk at which an App is made: one browser, one answer, one hour."""

from __future__ import annotations

import pytest

from ci_bot.core.errors import RegistrationRefused
from ci_bot.core.registration import LINK_SECONDS, STATE_SECONDS, Desk, MadeApp, is_org, name_for

NEW = Desk(ends_at=LINK_SECONDS, link="l" * 43)


def opened() -> Desk:
    desk = NEW.opened("l" * 43, "b" * 43, 0.0)
    assert desk is not None
    return desk


@pytest.mark.parametrize("link", ["", "l", "l" * 42, "l" * 44, "L" * 43, "ö" * 43, "\udcff"])
def test_a_wrong_link_opens_nothing(link: str) -> None:
    assert NEW.opened(link, "b", 0.0) is None


def test_the_link_opens_once() -> None:
    assert opened().opened("l" * 43, "c" * 43, 0.0) is None
    assert opened().opened("", "c" * 43, 0.0) is None


def test_the_link_expires() -> None:
    assert NEW.opened("l" * 43, "b", LINK_SECONDS - 1) is not None
    assert NEW.opened("l" * 43, "b", LINK_SECONDS) is None


def test_only_the_browser_that_opened_it_gets_in() -> None:
    desk = opened()
    assert desk.is_for("b" * 43, 1.0)
    assert not desk.is_for("c" * 43, 1.0)
    assert not desk.is_for("", 1.0)
    assert not desk.is_for("b" * 43, LINK_SECONDS)
    assert not NEW.is_for("", 1.0)


def test_an_answer_is_taken_once() -> None:
    desk = opened().waiting("s" * 43, 10.0).answered("s" * 43, 20.0)
    with pytest.raises(RegistrationRefused, match="used already"):
        desk.answered("s" * 43, 21.0)


@pytest.mark.parametrize("state", ["", "s", "t" * 43, "é"])
def test_a_wrong_state_is_refused(state: str) -> None:
    with pytest.raises(RegistrationRefused):
        opened().waiting("s" * 43, 10.0).answered(state, 20.0)
    with pytest.raises(RegistrationRefused):
        opened().answered(state, 20.0)


def test_the_newest_page_alone_waits() -> None:
    desk = opened().waiting("s" * 43, 10.0).waiting("t" * 43, 11.0)
    with pytest.raises(RegistrationRefused, match="newer page"):
        desk.answered("s" * 43, 12.0)
    desk.answered("t" * 43, 12.0)


def test_a_state_expires() -> None:
    with pytest.raises(RegistrationRefused, match="more than an hour"):
        opened().waiting("s" * 43, 10.0).answered("s" * 43, 10.0 + STATE_SECONDS)


def test_the_name_fits_and_is_the_organisations() -> None:
    assert name_for("acme") == "ci-bot-acme"
    assert name_for("") == "ci-bot"
    assert len(name_for("a" * 39)) == 34
    assert not name_for("a" * 26 + "-bc").endswith("-")


@pytest.mark.parametrize("name", ["acme", "a", "Acme-2", "acme_corp"])
def test_names_of_organisations(name: str) -> None:
    assert is_org(name)


@pytest.mark.parametrize("name", ["", "-acme", "acme-", "a/b", "a b", "..", "a?x=1", "a\n", "ä"])
def test_what_is_no_name_of_an_organisation(name: str) -> None:
    assert not is_org(name)


def test_keys_and_secrets_are_not_shown() -> None:
    made = MadeApp(7, "ci-bot", "https://f/apps/ci-bot", "PEM-KEY", "HOOK-SECRET")
    assert "PEM-KEY" not in repr(made)
    assert "HOOK-SECRET" not in repr(made)
    assert "l" * 43 not in repr(NEW)
    assert made.install_url == "https://f/apps/ci-bot/installations/new"
