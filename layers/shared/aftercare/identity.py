"""Addresses in one spelling, and the keyed hashes under which they are known without being readable."""

import hmac
import re

ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+{LABEL}")
_DEVIATES = re.compile("[ßς\u200c\u200d]")
"""What IDNA 2003, which Python has, maps to another domain than IDNA 2008 does (RFC 5894, 7.2): mail would reach a stranger."""
_NOT_A_NUMBER = re.compile(r"[^0-9+]")


def email(text: str | None) -> str | None:
    """The address in lower case, or None where it is empty or nothing that mail can reach (RFC 5321's dot-string in ASCII).

    A domain in another script is written as mail does (`müller.example` is `xn--mller-kva.example`, RFC 3490).
    """
    address = (text or "").strip().lower()
    if not address.isascii():
        local, _, domain = address.rpartition("@")
        try:
            address = f"{local}@{'' if _DEVIATES.search(domain) else domain.encode('idna').decode()}"
        except UnicodeError:
            return None
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


def keyed_hash(secret: str, address: str) -> str:
    """HMAC-SHA256 of a normalised address, 40 hex characters (160 bits)."""
    return hmac.digest(secret.encode(), address.encode(), "sha256").hex()[:40]
