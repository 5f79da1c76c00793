"""Every example of the reference but those of a job's keys is run on the engine and ends as it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.scenarios.examples import OTHERS, ends_of


@pytest.mark.timeout(400)
async def test_every_example_ends_as_it_says(
    images: None, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ended = await ends_of(OTHERS, tmp_path / "shop", monkeypatch)
    assert ended == {name: key.ends for name, key in OTHERS.items()}
