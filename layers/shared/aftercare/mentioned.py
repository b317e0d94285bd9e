"""The addresses that stand in a text which nobody could read as facts: by these a person's name is found in it, and erased."""

import re

from aftercare.identity import ATOM, LABEL, email, phone

_LOCAL_PARTS = (re.compile(rf"{ATOM}(?:\.{ATOM})*\Z"), re.compile(r"[a-z0-9%+-](?:[a-z0-9._%+-]*)\Z"))
"""What may stand before an @: all that an address can have, and only what nearly every address has (`to=anna@...`)."""

_DOMAIN = re.compile(rf"(?:{LABEL}\.)+{LABEL}")
_SOME_PHONE = re.compile(r"\+[1-9](?:[ ().-]{0,2}[0-9]){6,14}")
_ESCAPED = re.compile(r"\\u00([2-7][0-9a-fA-F])")
MENTIONED = 20
"""So many addresses of one text are looked for; a body of one person has two or three."""


def mentioned(body: bytes) -> tuple[str, ...]:
    """The e-mail addresses and international phone numbers that stand in a text, normalised, each once, JSON's escapes too.

    The time that it takes grows with the text and no faster, whatever the text is.
    """
    text = _ESCAPED.sub(lambda found: chr(int(found[1], 16)), body.decode("utf-8", "replace")).lower()
    found: dict[str, None] = {}
    at = text.find("@")
    while at >= 0 and len(found) < MENTIONED:
        domain = _DOMAIN.match(text, at + 1, at + 255)
        if domain:
            before = text[max(0, at - 64) : at]
            locals_ = (local[0] for pattern in _LOCAL_PARTS if (local := pattern.search(before)))
            found |= {address: None for local in locals_ if (address := email(f"{local}@{domain[0]}"))}
        at = text.find("@", at + 1)
    found |= {number: None for told in _SOME_PHONE.finditer(text) if (number := phone(told[0]))}
    return tuple(found)[:MENTIONED]
