"""The local cloud's HTTP API on a port of this machine, with the mails it has sent: for people to click through.

One request at a time, as the cloud's clock is one. Nobody else can reach it: it listens on the loopback address only.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

from markupsafe import escape

from simulator.commands.world import PARAMETERS, Mail

if TYPE_CHECKING:
    from simulator.commands.world import World

LOOPBACK: Final = "127.0.0.1"
BASE: Final = f"https://{PARAMETERS['CustomDomainName']}"
"""What the links in the mails begin with."""

KINDS: Final[Mapping[str, str]] = {
    "o": "order status",
    "p": "preferences",
    "u": "unsubscribe",
    "c": "cue",
    "s": "survey",
    "g": "guide",
    "r": "why it goes back",
    "k": "confirm a consent",
    "d": "the desk",
    "orders": "all orders",
    "export": "my data",
    "erase": "forget me",
}
"""What a link opens, by the first part of its path."""

_STYLE: Final = (
    "body{font:1rem/1.5 system-ui,sans-serif;max-width:60rem;margin:2rem auto;padding:0 1rem}"
    "td,th{text-align:left;vertical-align:top;padding:.5rem 1rem .5rem 0;border-top:1px solid #ddd}"
)


def links_of(mail: Mail) -> dict[str, str]:
    """The paths of our pages that a mail links to, by what they open; the first of each kind."""
    found: dict[str, str] = {}
    for path in re.findall(rf"{re.escape(BASE)}(/[^\s\"'<>]+)", mail.html):
        kind = KINDS.get(path.split("/")[1])
        if kind:
            found.setdefault(kind, path.replace("&amp;", "&"))
    if "preferences" in found:
        found["why this mail"] = f"{found['preferences']}/why"
    return found


class Front(ThreadingHTTPServer):
    """A server in front of a world. Port 0 takes any that is free; `address` says which."""

    def __init__(self, world: World, port: int = 0) -> None:
        super().__init__((LOOPBACK, port), _Handler)
        self.world = world
        # A browser holds connections open that it may never use, so each has its thread.
        self._one_at_a_time = Lock()

    @property
    def address(self) -> str:
        return f"http://{LOOPBACK}:{self.server_address[1]}"

    def mails(self) -> Sequence[Mail]:
        return list(self.world.mails())

    def own_page(self, path: str) -> str | None:
        """The list of mails, or one of them with its links leading here. None for a path that is not ours."""
        if path == "/":
            return _index(self.mails())
        number = re.fullmatch(r"/mails/([1-9][0-9]{0,5})", path)
        mails = self.mails() if number else ()
        if number is None or int(number[1]) > len(mails):
            return None
        return mails[int(number[1]) - 1].html.replace(BASE, "")

    def answer(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], bytes]:
        """One request to the cloud, and what follows from it at once."""
        with self._one_at_a_time:
            own = self.own_page(target) if method in ("GET", "HEAD") else None
            if own is not None:
                return 200, {"content-type": "text/html; charset=utf-8", "cache-control": "no-store"}, own.encode()
            cloud = self.world.cloud
            answered = cloud.http(method, target, headers, body)
            cloud.run()
            return answered.status, answered.headers, answered.body


class _Handler(BaseHTTPRequestHandler):
    server: Front
    protocol_version = "HTTP/1.1"

    def _serve(self) -> None:
        length = int(self.headers.get("content-length") or 0)
        status, headers, body = self.server.answer(self.command, self.path, dict(self.headers.items()), self.rfile.read(length))
        self.send_response(status)
        for name, value in headers.items():
            if name != "content-length":
                self.send_header(name, value)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _serve  # noqa: N815 - names of the base class

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing: a request line has a token in it."""


def _index(mails: Iterable[Mail]) -> str:
    rows = []
    for number, mail in enumerate(mails, 1):
        links = " · ".join(f'<a href="{escape(path)}">{escape(kind)}</a>' for kind, path in links_of(mail).items())
        subject = f'<a href="/mails/{number}">{escape(mail.subject)}</a>'
        rows.append(f"<tr><td>{mail.at:%Y-%m-%d %H:%M}<td>{escape(mail.recipient)}<td>{subject}<br>{links}")
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>Mails of this run</title><style>{_STYLE}</style>'
        f"<h1>Mails of this run</h1><p>What the customers got, and the pages that their links open.</p>"
        f"<table><tr><th>Sent<th>To<th>Mail{''.join(rows)}</table></html>"
    )
