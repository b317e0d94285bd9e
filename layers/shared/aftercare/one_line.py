"""Somebody else's text where it is shown: on one line, and looking like what it is."""

import re

LONGEST = 120

# What turns text around or hides in it: a name must look like what it is.
_UNSEEN = re.compile("(?:[\u0000-\u001f\u007f-\u009f\u00ad\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb]|\\s)+")


def plain(text: str, longest: int = LONGEST) -> str:
    """The text on one line: no control or direction signs, no more than `longest` characters."""
    clean = _UNSEEN.sub(" ", text).strip()
    return clean if len(clean) <= longest else clean[: longest - 1].rstrip() + "…"
