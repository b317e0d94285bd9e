"""Addresses of web pages that may stand in a message: https only, wherever the text comes from.

HTML escaping lets `javascript:` through, so the scheme is checked here, outside any template.
"""

import re
from typing import Annotated
from urllib.parse import quote

from pydantic import AfterValidator

_HTTPS = re.compile(r"https://[A-Za-z0-9](?:[A-Za-z0-9.-]*[A-Za-z0-9])?(?::[0-9]{1,5})?(?:[/?#][!#-;=?-\[\]_a-z~]*)?")
LONGEST = 2000


class NotHttps(ValueError):
    """A link that must not stand in a message: another scheme, no host, or characters that an address cannot have."""


def https(url: str) -> str:
    """The address as it is. NotHttps when it is not an https address in plain ASCII of at most 2,000 characters."""
    if len(url) > LONGEST or not _HTTPS.fullmatch(url):
        raise NotHttps("expected an https address (https://host/path, non-ASCII characters percent-encoded)")
    return url


Https = Annotated[str, AfterValidator(https)]


def encoded(value: str) -> str:
    """A value as one part of a path or query: no character of it can end or extend the address."""
    return quote(value, safe="")
