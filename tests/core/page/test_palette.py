"""Every colour of a terminal can be read on a light and on a dark page."""

from __future__ import annotations

import re

import pytest

from ci_bot.core.page.palette import DARK_PAGE, LIGHT_PAGE, contrast, from_hex, nearest, style_sheet

SHEET = style_sheet()
LIGHT, _, DARK = SHEET.partition("@media (prefers-color-scheme: dark)")


@pytest.mark.parametrize(("sheet", "page"), [(LIGHT, LIGHT_PAGE), (DARK, DARK_PAGE)])
def test_text_of_every_colour_can_be_read(sheet: str, page: str) -> None:
    colours = dict(re.findall(r"\.f(\d+)\{color:#([0-9a-f]{6})\}", sheet))
    assert sorted(map(int, colours)) == list(range(256))
    for place, colour in colours.items():
        assert contrast(from_hex(colour), from_hex(page)) >= 4.5, place


def test_text_on_every_colour_can_be_read() -> None:
    behind = re.findall(r"\.b\d+\{background:#([0-9a-f]{6});color:#([0-9a-f]{6})\}", SHEET)
    assert len(behind) == 256
    assert all(contrast(from_hex(text), from_hex(page)) >= 4.5 for page, text in behind)


@pytest.mark.parametrize(
    ("colour", "place"),
    [((255, 0, 0), 196), ((0, 0, 0), 16), ((128, 128, 128), 244), ((95, 135, 175), 67)],
)
def test_the_nearest_of_256(colour: tuple[int, int, int], place: int) -> None:
    assert nearest(*colour) == place
