"""Values that must not be shown: masked as soon as they are told, the oldest forgotten."""

from __future__ import annotations

from ci_bot.flow.known import GROUP, GROUPS, Known


def value(number: int) -> bytes:
    return f"token-number-{number:05}-of-the-test".encode()


def test_every_value_is_masked_as_soon_as_it_is_told() -> None:
    known = Known()
    assert known.mask("nothing yet") == "nothing yet"
    for number in range(3 * GROUP):
        known.add(value(number))
        assert known.mask(f"a {value(number).decode()} b") == "a *** b"
    every = " ".join(value(number).decode() for number in range(3 * GROUP))
    assert "token" not in known.mask(every)


def test_the_oldest_are_forgotten_and_may_be_told_again() -> None:
    known = Known()
    for number in range(GROUP * GROUPS + 1):
        known.add(value(number))
    assert len(known.values()) <= GROUP * GROUPS
    assert value(0) not in known.values()
    assert value(GROUP * GROUPS) in known.values()
    known.add(value(0))
    assert known.mask(value(0).decode()) == "***"


def test_a_value_that_is_told_twice_is_one() -> None:
    known = Known()
    for _ in range(2):
        known.add(value(1))
    assert known.values() == (value(1),)


def test_half_a_surrogate_pair_in_a_text_is_no_matter() -> None:
    known = Known()
    known.add(value(1))
    assert known.mask("a\ud800b") == "a\ud800b"
