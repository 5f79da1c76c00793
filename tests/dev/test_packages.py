"""Which packages are taken for an image, asked of the distribution's own lists."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from dev.packages import Archive, NoPackagesError


@pytest.fixture
def archive(tmp_path: Path) -> Archive:
    if not (shutil.which("apt-get") and shutil.which("apt-cache")):
        pytest.skip("this machine has no apt-get and apt-cache")
    found = Archive(tmp_path, own_lists=False)
    try:
        found.packages(("busybox-static",))
    except NoPackagesError:
        pytest.skip("this machine has no package lists (apt-get update)")
    return found


def test_a_name_with_a_question_mark_is_taken_where_the_release_has_it(archive: Archive) -> None:
    without = archive.packages(("busybox-static",))
    assert "busybox-static" in without
    assert archive.packages(("busybox-static", "no-release-has-this?")) == without
    assert archive.packages(("busybox-static?",)) == without


def test_a_name_without_one_must_be_there(archive: Archive) -> None:
    with pytest.raises(NoPackagesError, match="no-release-has-this"):
        archive.packages(("busybox-static", "no-release-has-this"))
    with pytest.raises(NoPackagesError, match="busybox-stati"):
        archive.packages(("busybox-stati",))  # a part of a name is none
    assert archive.packages(("hostname", "busybox-stati?")) == archive.packages(("hostname",))
