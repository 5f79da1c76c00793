"""An image's USER becomes numbers, as the engine resolves it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ci_bot.core.errors import StepRefused
from ci_bot.executors.docker.users import Owner, is_plain_root, owner

PASSWD = b"root:x:0:0:root:/root:/bin/sh\n# a remark\nbroken\napp:x:1000:1001::/home/app:/bin/sh\nbig:x:99999999999:1::/:\n"
GROUP = b"root:x:0:\nstaff:x:50:app\n"


@pytest.mark.parametrize(
    ("user", "numbers"),
    [
        ("app", "1000:1001"),
        ("1000", "1000:1001"),
        ("app:staff", "1000:50"),
        ("app:0", "1000:0"),
        ("1000:1234", "1000:1234"),
        ("48213", "48213:0"),
        ("48213:0", "48213:0"),
        ("root:staff", "0:50"),
    ],
)
def test_owner(user: str, numbers: str) -> None:
    assert str(owner("an/image", user, PASSWD, GROUP)) == numbers


@pytest.mark.parametrize("user", ["nobody", "big", "99999999999", "-1", "1²", ""])
def test_a_user_whom_the_image_does_not_have(user: str) -> None:
    with pytest.raises(StepRefused, match=f'image "an/image" runs as user "{user}"'):
        owner("an/image", user, PASSWD, GROUP)


def test_a_group_that_the_image_does_not_have() -> None:
    with pytest.raises(StepRefused, match='image "an/image" runs in group "wheel"'):
        owner("an/image", "app:wheel", PASSWD, GROUP)


@given(st.text(), st.binary(), st.binary())
def test_any_files_at_all(user: str, passwd: bytes, group: bytes) -> None:
    try:
        found = owner("an/image", user, passwd, group)
    except StepRefused:
        return
    assert isinstance(found, Owner)
    assert min(found.uid, found.gid) >= 0


def test_plain_root() -> None:
    assert [user for user in ("", "0", "root", "app", "0:5") if is_plain_root(user)] == [
        "",
        "0",
        "root",
    ]
