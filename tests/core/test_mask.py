"""The masker against a reference that is slow and plainly right, and against what tools really print."""

import base64
import json
import random
import shlex
import subprocess
import urllib.parse

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.mask import Masker, Spotter, forms, is_maskable

SECRET = b"s3cr3t/p+ss'w\"rd$x"


def reference(secrets, data):
    """Marks every byte of every occurrence; each run of marked bytes becomes `***`."""
    marked = bytearray(len(data))
    for form in {form for secret in secrets for form in forms(secret)}:
        at = data.find(form)
        while at >= 0:
            marked[at : at + len(form)] = b"\x01" * len(form)
            at = data.find(form, at + 1)
    out = bytearray()
    for at, byte in enumerate(data):
        if not marked[at]:
            out.append(byte)
        elif not at or not marked[at - 1]:
            out += b"***"
    return bytes(out)


def fed(secrets, pieces):
    masker = Masker(secrets)
    return b"".join([*(masker.feed(piece) for piece in pieces), masker.close()])


_SMALL = st.binary(min_size=1, max_size=7).map(lambda raw: bytes(b"ab\nYWI="[byte % 7] for byte in raw))


@st.composite
def _streams(draw):
    secrets = draw(st.lists(_SMALL, min_size=1, max_size=3))
    hidden = [form for secret in secrets for form in sorted(forms(secret))] or [b"a"]
    pieces = st.one_of(_SMALL, st.sampled_from(hidden), st.sampled_from(hidden).map(lambda f: f[:-1]))
    return secrets, b"".join(draw(st.lists(pieces, max_size=8)))


@given(_streams())
def test_whole_texts_are_masked_as_the_reference_does(stream):
    secrets, data = stream
    assert Masker(secrets).mask(data) == reference(secrets, data)


@given(_streams())
def test_every_cut_gives_the_same(stream):
    secrets, data = stream
    expected = reference(secrets, data)
    for cut in range(len(data) + 1):
        assert fed(secrets, [data[:cut], data[cut:]]) == expected
    assert fed(secrets, [data[at : at + 1] for at in range(len(data))]) == expected


@given(_streams(), st.randoms(use_true_random=False))
def test_many_cuts_give_the_same(stream, dice):
    secrets, data = stream
    cuts = sorted(dice.choices(range(len(data) + 1), k=5))
    pieces = [data[a:b] for a, b in zip([0, *cuts], [*cuts, len(data)], strict=True)]
    assert fed(secrets, pieces) == reference(secrets, data)


@given(st.binary(min_size=3, max_size=40), st.binary(max_size=5), st.binary(max_size=5))
def test_the_secret_itself_never_comes_through(secret, before, after):
    if is_maskable(secret) and secret not in b"***" + before + b"***" + after:
        assert secret not in Masker([secret]).mask(before + secret + after)


@given(st.binary(min_size=6, max_size=30), st.binary(max_size=9), st.binary(max_size=9))
def test_base64_shows_no_character_that_holds_bits_of_the_secret_alone(secret, before, after):
    if not is_maskable(secret):
        return
    first, last = -(-len(before) * 8 // 6), (len(before) + len(secret)) * 8 // 6
    for encode in (base64.b64encode, base64.urlsafe_b64encode):
        whole = encode(before + secret + after)
        assert whole[first:last] not in Masker([secret]).mask(whole)


@pytest.mark.parametrize(
    "printed",
    [
        SECRET,
        json.dumps({"k": SECRET.decode()}).encode(),
        shlex.quote(SECRET.decode()).encode(),
        urllib.parse.quote(SECRET, safe="").encode(),
        urllib.parse.quote_plus(SECRET).encode(),
        urllib.parse.quote(SECRET, safe="").lower().encode(),
        base64.b64encode(b"user:" + SECRET),
        base64.b64encode(b"x" + SECRET + b"yz"),
        base64.urlsafe_b64encode(SECRET),
    ],
)
def test_forms_that_tools_print(printed):
    shown = Masker([SECRET]).mask(b"<" + printed + b">")
    assert b"***" in shown
    assert b'w\\"rd' not in shown
    assert len(shown) < 20


@pytest.mark.parametrize(
    "secret", [b"a b'c\"d$e`f\\g!h", b"line one\nline 'two'\tend", "pä$$wörd ✓".encode()]
)
@pytest.mark.parametrize("script", ['printf %q "$S"', 'set -x; : "$S"', "declare -p S"])
@pytest.mark.parametrize("locale", ["C.UTF-8", "C"])
def test_what_bash_prints(secret, script, locale):
    run = subprocess.run(
        ["bash", "-c", script],
        env={"S": secret.decode(), "LC_ALL": locale},
        capture_output=True,
        check=True,
    )
    shown = Masker([secret]).mask(run.stdout + run.stderr)
    assert b"***" in shown
    assert not any(word in shown for word in (b'c"d', b'c\\"d', b"two", b"rd "))


def test_lines_of_a_key_are_masked_one_by_one():
    key = b"-----BEGIN KEY-----\r\nMIIEpAIBAAKCAQEA\r\nab\r\n-----END KEY-----\n"
    assert Masker([key]).mask(b"  MIIEpAIBAAKCAQEA |") == b"  *** |"
    assert Masker([key]).mask(b"crab") == b"crab"
    assert Masker([key]).mask(key) == b"***"


def test_white_space_around_a_stored_value_does_not_matter():
    assert Masker([b"token123\n"]).mask(b"x token123, token123\n y") == b"x ***, *** y"


def test_overlapping_and_touching_secrets_become_one_mask():
    assert Masker([b"abcdef", b"defghi"]).mask(b"-abcdefghi-") == b"-***-"
    assert Masker([b"abcd", b"efgh"]).mask(b"-abcdefgh-abcd-") == b"-***-***-"
    assert Masker([b"aba"]).mask(b"xabababax") == b"x***x"
    assert Masker([b"bcd", b"xyz", b"abcdefxyzg"]).mask(b"abcdefxyzg") == b"***"


@pytest.mark.parametrize(
    "secret", [b"", b"a", b"ab", b" ab\n", b"\n\n\n\n", b"true", b"False", "é1".encode()]
)
def test_what_is_too_short_or_too_common_is_left_alone(secret):
    assert not is_maskable(secret)
    assert forms(secret) == frozenset()
    assert Masker([secret]).mask(b"true ab False \xc3\xa91") == b"true ab False \xc3\xa91"


def test_nothing_is_held_back_that_cannot_become_a_secret():
    masker = Masker([b"hunter22" * 50])
    assert masker.feed(b"waiting for the database ...") == b"waiting for the database ..."
    assert masker.feed(b" hunt") == b" "
    assert masker.feed(b"ing\n") == b"hunting\n"


def test_without_secrets_pieces_go_through_untouched():
    piece = b"x" * 100
    masker = Masker([])
    assert masker.feed(piece) is piece
    assert masker.close() == b""


@pytest.mark.parametrize(
    ("secret", "flood"),
    [(b"a" * 3000 + b"b", b"a" * 200_000), (b"aaaa", b"a" * 200_000), (b"abcabd", b"abcab" * 40_000)],
)
def test_floods_of_near_matches_and_matches_are_held_back_in_bounds(secret, flood):
    masker = Masker([secret])
    longest = max(map(len, forms(secret)))
    out, given_ = bytearray(), 0
    for at in range(0, len(flood), 997):
        out += masker.feed(flood[at : at + 997])
        given_ += len(flood[at : at + 997])
        if secret not in flood:
            assert given_ - len(out) < longest
    out += masker.close()
    assert bytes(out) == (b"***" if secret in flood else flood)


def test_a_large_stream_in_odd_pieces_equals_the_reference():
    dice = random.Random(1)
    secrets = [dice.randbytes(n) for n in (8, 20, 33)] + [b"correct horse\nbattery staple\n"]
    hidden = [form for secret in secrets for form in sorted(forms(secret))]
    data = b"".join(
        dice.choice([dice.randbytes(9), dice.choice(hidden), b"log line\n"]) for _ in range(4000)
    )
    pieces, at = [], 0
    while at < len(data):
        pieces.append(data[at : at + dice.randint(1, 900)])
        at += len(pieces[-1])
    assert fed(secrets, pieces) == reference(secrets, data) == Masker(secrets).mask(data)


# ── contents that are kept or not ────────────────────────────────────────────────────────────

KEY = b"-----BEGIN KEY-----\nMIIEvQIBADANBgkqhkiG9w0BAQEF\nAASCBKcwggSjAgEAAoIBAQ\n-----END KEY-----\n"


def spotted(secrets, pieces):
    spotter = Spotter(secrets)
    return any(list(map(spotter.feed, pieces)))


@given(st.binary(max_size=30), st.binary(max_size=30), st.integers(1, 40), st.data())
def test_a_secret_in_a_stream_is_spotted_however_it_is_cut(before, after, width, data):
    form = data.draw(st.sampled_from(sorted(form for form in forms(SECRET) if len(form) >= 8)))
    stream = before + form + after
    assert spotted([SECRET], [stream[at : at + width] for at in range(0, len(stream), width)])


@given(st.binary(max_size=200).filter(lambda data: not any(form in data for form in forms(SECRET))))
def test_what_holds_no_secret_is_kept(data):
    assert not spotted([SECRET], [data[:50], data[50:]])


def test_streams_have_nothing_to_do_with_each_other():
    spotter = Spotter([SECRET])
    assert not spotter.feed(SECRET[:-1])
    spotter.begin()
    assert not spotter.feed(SECRET[-1:])


def test_of_a_key_the_whole_and_its_own_lines_are_sought_and_not_what_all_keys_have():
    assert spotted([KEY], [b"key: " + KEY.strip()])
    assert spotted([KEY], [b"  AASCBKcwggSjAgEAAoIBAQ"])
    assert not spotted([KEY], [b"-----BEGIN KEY-----\nAAAA\n-----END KEY-----\n"])


def test_what_may_stand_anywhere_by_chance_is_not_sought():
    assert not spotted([b"hunter2"], [b"hunter2"])
    assert not spotted([b"true"], [b"true"])
    assert not spotted([], [b"anything"])
