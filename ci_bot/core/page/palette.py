"""The 256 colours of terminals, and a style sheet in which each can be read on a light and a dark page. Pure."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final, TypeAlias

Rgb: TypeAlias = tuple[int, int, int]

_STEPS: Final = (0, 95, 135, 175, 215, 255)
#: The sixteen named ones for each page; the others follow the formula that terminals share.
_LIGHT: Final = (
    *("24292f", "cf222e", "116329", "7d4e00", "0550ae", "8250df", "1b7c83", "57606a"),
    *("4b535d", "a40e26", "1a7f37", "633c01", "0969da", "6639ba", "126e75", "6e7781"),
)
_DARK: Final = (
    *("8b949e", "ff7b72", "56d364", "e3b341", "79c0ff", "d2a8ff", "56d4dd", "c9d1d9"),
    *("a5adb8", "ffa198", "7ee787", "f2cc60", "a5d6ff", "e2c5ff", "8ddbe2", "f0f6fc"),
)
#: Behind text they are what terminals show.
_NAMED: Final = (
    *("24292f", "c62f2f", "2e8b40", "b58900", "2f6fd0", "a347ba", "2a9aa0", "c8ccd1"),
    *("6e7781", "e5534b", "46a758", "dbab0a", "539bf5", "b083f0", "39c5cf", "f6f8fa"),
)
LIGHT_PAGE: Final = "ffffff"
DARK_PAGE: Final = "0d1117"
_BLACK: Final[Rgb] = (0, 0, 0)
_WHITE: Final[Rgb] = (255, 255, 255)
_CONTRAST: Final = 4.5  # WCAG 2.2, 1.4.3


def nearest(red: int, green: int, blue: int) -> int:
    """The place of the palette's colour that is nearest to one of 24 bits."""
    wanted = (red, green, blue)
    cube = [_nearest_step(part) for part in wanted]
    grey = min(23, max(0, round((sum(wanted) / 3 - 8) / 10)))
    candidates = (16 + 36 * cube[0] + 6 * cube[1] + cube[2], 232 + grey)
    return min(candidates, key=lambda place: _distance(_rgb(place), wanted))


def _nearest_step(part: int) -> int:
    return min(range(6), key=lambda step: abs(_STEPS[step] - part))


def style_sheet() -> str:
    """Classes `f0` … `f255` (text), `b0` … `b255` (behind text), `g0` … `g255` (text on such a one)."""
    dark = "\n".join(_texts(_DARK, DARK_PAGE))
    return "\n".join(
        [
            *_texts(_LIGHT, LIGHT_PAGE),
            f"@media (prefers-color-scheme: dark) {{\n{dark}\n}}",
            *_behind(),
            "",
        ]
    )


def contrast(one: Rgb, other: Rgb) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-contrast-ratio"""
    darker, lighter = sorted((_luminance(one), _luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def from_hex(text: str) -> Rgb:
    return int(text[0:2], 16), int(text[2:4], 16), int(text[4:6], 16)


def _texts(named: tuple[str, ...], page: str) -> Iterator[str]:
    for place in range(256):
        colour = from_hex(named[place]) if place < 16 else _readable(_rgb(place), from_hex(page))
        yield f".f{place}{{color:{_hex(colour)}}}"


def _behind() -> Iterator[str]:
    """On a colour of its own text is black or white, unless it has one too, which comes later and wins."""
    for place in range(256):
        colour = _rgb(place)
        on_it = _BLACK if contrast(_BLACK, colour) > contrast(_WHITE, colour) else _WHITE
        yield f".b{place}{{background:{_hex(colour)};color:{_hex(on_it)}}}"
    for place in range(256):
        yield f".g{place}{{color:{_hex(_rgb(place))}}}"


def _readable(colour: Rgb, page: Rgb) -> Rgb:
    """Moved towards black or white until it can be read."""
    end = _BLACK if _luminance(page) > 0.5 else _WHITE
    for share in range(0, 101, 5):
        moved = _mixed(colour, end, share)
        if contrast(moved, page) >= _CONTRAST:
            return moved
    return end


def _mixed(one: Rgb, other: Rgb, share: int) -> Rgb:
    red, green, blue = (a + (b - a) * share // 100 for a, b in zip(one, other, strict=True))
    return red, green, blue


def _rgb(place: int) -> Rgb:
    if place < 16:
        return from_hex(_NAMED[place])
    if place < 232:
        place -= 16
        return _STEPS[place // 36], _STEPS[place // 6 % 6], _STEPS[place % 6]
    grey = 8 + 10 * (place - 232)
    return grey, grey, grey


def _hex(colour: Rgb) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)


def _distance(one: Rgb, other: Rgb) -> int:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True))


def _luminance(colour: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in colour)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
