"""Addresses in one spelling, and the keyed hashes under which they are known without being readable."""

import hmac
import re

_ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){_ATOM}(?:\.{_ATOM})*@(?:{_LABEL}\.)+{_LABEL}")
_NOT_A_NUMBER = re.compile(r"[^0-9+]")


def email(text: str | None) -> str | None:
    """The address in lower case, or None where it is empty or nothing that mail can reach (RFC 5321's dot-string in ASCII)."""
    address = (text or "").strip().lower()
    return address if _EMAIL.fullmatch(address) else None


def phone(text: str | None) -> str | None:
    """The number in E.164, or None for a national or senseless one: a guess would reach a stranger."""
    if not text:
        return None
    digits = _NOT_A_NUMBER.sub("", text.strip())
    if digits.startswith("00"):
        digits = "+" + digits[2:]
    if not re.fullmatch(r"\+[1-9][0-9]{6,14}", digits):
        return None
    return None if len(set(digits[1:])) == 1 else digits


_LOCAL_PARTS = (re.compile(rf"{_ATOM}(?:\.{_ATOM})*\Z"), re.compile(r"[a-z0-9%+-](?:[a-z0-9._%+-]*)\Z"))
"""What may stand before an @: all that an address can have, and only what nearly every address has (`to=anna@...`)."""

_DOMAIN = re.compile(rf"(?:{_LABEL}\.)+{_LABEL}")
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


def keyed_hash(secret: str, address: str) -> str:
    """HMAC-SHA256 of a normalised address, 40 hex characters (160 bits)."""
    return hmac.digest(secret.encode(), address.encode(), "sha256").hex()[:40]
