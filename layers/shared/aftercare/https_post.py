"""Webhooks over the wire (port: aftercare.webhook.Webhooks): https only, public addresses only, and no longer than it may take.

The name is looked up once and the connection goes to the very address that was looked at, so that a name cannot lead elsewhere
between the two; the certificate must be the name's.
"""

import http.client
import ipaddress
import socket
import ssl
import threading
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from datetime import timedelta
from functools import lru_cache
from typing import Any, Protocol

from aftercare.webhook import Answered, Barred, Unreached, Webhook, parts_of

BUDGET = timedelta(seconds=5)
"""For one attempt: connection, request and the head of the answer."""

LOOKUP = timedelta(seconds=2)
"""For the name before it; a resolver's own patience is longer than an invocation has."""

_NAT64 = ipaddress.ip_network("64:ff9b::/96")
_GLOBAL = ipaddress.ip_network("2000::/3")


class Line(Protocol):
    """A connection to one address; http.client's, or what stands in for it."""

    def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> None: ...
    def getresponse(self) -> "Response": ...
    def close(self) -> None: ...


class Response(Protocol):
    status: int

    def getheader(self, name: str) -> str | None: ...


Lookup = Callable[[str], Sequence[str]]
Open = Callable[[str, str, timedelta], Line]
"""(host, address, budget): TimeoutError, OSError and http.client.HTTPException come from the line."""


def public(address: str) -> bool:
    """Whether an address is somebody's on the open net, and leads into no network of ours by another spelling."""
    there = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(there, ipaddress.IPv6Address):
        if there.ipv4_mapped:
            return public(str(there.ipv4_mapped))
        # These hold an IPv4 address, which a gateway would go to.
        if there.sixtofour or there.teredo or there in _NAT64 or there not in _GLOBAL:
            return False
    return there.is_global and not there.is_multicast


class HttpsPost:
    """One POST for each call."""

    def __init__(self, lookup: Lookup | None = None, opened: Open | None = None) -> None:
        self._lookup = lookup or _addresses
        self._open = opened or _Cut

    def post(self, webhook: Webhook) -> Answered | Unreached | Barred:
        parts = parts_of(webhook.url)
        if parts is None:
            return Barred("no https address with a name")
        host, path = parts
        try:
            addresses = self._lookup(host)
        except OSError as error:
            return Unreached(type(error).__name__)
        # All of them: which one a later look-up would give is not ours to say.
        if not addresses or not all(map(public, addresses)):
            return Barred("its name leads to no public address")
        line = self._open(host, addresses[0], BUDGET)
        try:
            line.request("POST", path, webhook.body, webhook.headers)
            answer = line.getresponse()
            return Answered(answer.status, _seconds(answer.getheader("retry-after")))
        except (OSError, http.client.HTTPException) as error:
            return Unreached(type(error).__name__)
        finally:
            line.close()


def _seconds(text: str | None) -> int | None:
    """Retry-After in seconds; its other form, a date, is left to our own schedule."""
    return int(text) if text and text.isascii() and text.isdigit() and len(text) <= 6 else None


def _addresses(host: str) -> Sequence[str]:
    """TimeoutError; the look-up that nobody waits for any more ends by itself."""
    answers: list[Any] = []

    def look() -> None:
        try:
            answers.append(socket.getaddrinfo(host, 443, type=socket.SOCK_STREAM))
        except OSError as error:
            answers.append(error)

    looking = threading.Thread(target=look, daemon=True)
    looking.start()
    looking.join(LOOKUP.total_seconds())
    if not answers:
        raise TimeoutError
    found = answers[0]
    if isinstance(found, OSError):
        raise found
    # A function has no route of IPv6: the first of the others is tried.
    return list(dict.fromkeys(str(each[4][0]) for each in sorted(found, key=lambda each: each[0] != socket.AF_INET)))


@lru_cache(maxsize=1)
def _trusted() -> ssl.SSLContext:
    return ssl.create_default_context()


class _Cut(http.client.HTTPSConnection):
    """A connection to one address that is cut when its time is over: a socket's own timeout starts anew with every byte."""

    def __init__(
        self, host: str, address: str, budget: timedelta, context: ssl.SSLContext | None = None, port: int = 443
    ) -> None:
        super().__init__(host, port, timeout=budget.total_seconds())
        self._address = address
        self._trusts = context
        self._over = threading.Event()
        self._timer = threading.Timer(budget.total_seconds(), self._cut)
        self._timer.daemon = True

    def connect(self) -> None:
        self._timer.start()
        raw = socket.create_connection((self._address, self.port), self.timeout)
        try:
            context = self._trusts or _trusted()
            self.sock = context.wrap_socket(raw, server_hostname=self.host, do_handshake_on_connect=False)
        except BaseException:
            raw.close()
            raise
        self.sock.do_handshake()

    def request(self, method: str, url: str, body: bytes, headers: Mapping[str, str]) -> None:  # type: ignore[override]
        with self._in_time():
            super().request(method, url, body, headers)

    def getresponse(self) -> http.client.HTTPResponse:
        with self._in_time():
            return super().getresponse()

    def close(self) -> None:
        self._timer.cancel()
        super().close()

    def _cut(self) -> None:
        self._over.set()
        with suppress(OSError):
            if self.sock is not None:
                self.sock.shutdown(socket.SHUT_RDWR)

    def _in_time(self) -> "_InTime":
        return _InTime(self._over)


class _InTime:
    """What breaks because the time was over is a timeout, whatever the socket says."""

    def __init__(self, over: threading.Event) -> None:
        self._over = over

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: object, traceback: object) -> None:
        if kind is not None and self._over.is_set():
            raise TimeoutError
