"""Addresses in one spelling, and the keyed hashes under which they are known without being readable."""

import hmac
import re

ATOM = r"[a-z0-9!#$%&'*+/=?^_`{|}~-]+"
LABEL = r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?"
_EMAIL = re.compile(rf"(?=.{{1,254}}$)(?=[^@]{{1,64}}@){ATOM}(?:\.{ATOM})*@(?:{LABEL}\.)+{LABEL}")
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


def keyed_hash(secret: str, address: str) -> str:
    """HMAC-SHA256 of a normalised address, 40 hex characters (160 bits)."""
    return hmac.digest(secret.encode(), address.encode(), "sha256").hex()[:40]
