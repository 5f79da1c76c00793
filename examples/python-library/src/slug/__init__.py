"""Titles in, names for addresses out."""

import re
import unicodedata


def slug(title: str, longest: int = 60) -> str:
    """ "Über uns!" → "uber-uns"; cut at a word where it would be too long."""
    plain = unicodedata.normalize("NFKD", title).encode("ascii", "ignore").decode()
    words = re.findall(r"[a-z0-9]+", plain.lower())
    made = ""
    for word in words:
        longer = f"{made}-{word}" if made else word
        if len(longer) > longest:
            break
        made = longer
    return made
