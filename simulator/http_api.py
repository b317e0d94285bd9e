"""The HTTP API in front of the functions: API Gateway's routes and its payload format 2.0.

Source: "Working with AWS Lambda proxy integrations for HTTP APIs" and "Create routes for HTTP APIs".
"""

from __future__ import annotations

import base64
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import parse_qsl, unquote, urlsplit

from simulator.lambda_runtime import FunctionError
from simulator.template import Route

MAXIMUM_BODY: Final = 10 * 1024 * 1024
MAXIMUM_ANSWER: Final = 6 * 1024 * 1024
METHODS: Final = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))

_TEXT: Final = ("text/", "application/json", "application/javascript", "application/xml")
"""Bodies of these types reach the function as text; every other, a form post too, comes as base64."""


@dataclass(frozen=True, slots=True)
class HttpResponse:
    """What the caller gets. `headers` have lower-case names; several cookies are joined by newlines under set-cookie."""

    status: int
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def text(self) -> str:
        return self.body.decode()

    def json(self) -> Any:
        return json.loads(self.body)


class HttpApi:
    """Routes requests. `invoke(function_arn, event)` runs a function, raising for a function error."""

    def __init__(
        self,
        api_id: str,
        domain: str,
        account: str,
        routes: Sequence[Route],
        invoke: Callable[[str, dict[str, Any]], Any],
        now: Callable[[], datetime],
    ) -> None:
        self._id = api_id
        self._domain = domain
        self._account = account
        self._routes = [(_segments(route.path), route) for route in routes]
        self._invoke = invoke
        self._now = now
        self._requests = 0

    def request(
        self, method: str, target: str, headers: Mapping[str, str] | None = None, body: bytes | str = b""
    ) -> HttpResponse:
        """One request; `target` is path and query. 404 where no route fits, another method of a known path included."""
        split = urlsplit(target)
        raw = body.encode() if isinstance(body, str) else body
        if len(raw) > MAXIMUM_BODY:
            return _answer(413, {"message": "Request Entity Too Large"})
        found = self.route(method.upper(), split.path or "/")
        if found is None:
            return _answer(404, {"message": "Not Found"})
        route, parameters = found
        self._requests += 1
        event = self._event(route, method.upper(), split.path or "/", split.query, parameters, headers or {}, raw)
        return self.send(route.function_arn, event)

    def replay(self, event: Mapping[str, Any]) -> HttpResponse:
        """A captured event of payload format 2.0, sent to the function behind its route."""
        http = event["requestContext"]["http"]
        found = self.route(str(http["method"]).upper(), str(event.get("rawPath") or http["path"]))
        if found is None:
            return _answer(404, {"message": "Not Found"})
        return self.send(found[0].function_arn, dict(event))

    def send(self, function_arn: str, event: dict[str, Any]) -> HttpResponse:
        try:
            answer = self._invoke(function_arn, event)
        except FunctionError:  # the caller learns nothing of what went wrong inside; the runtime keeps it
            return _answer(500, {"message": "Internal Server Error"})
        return _response(answer)

    def route(self, method: str, path: str) -> tuple[Route, dict[str, str]] | None:
        """The most specific route: full match, then one with parameters, then a greedy one, then $default."""
        given = path.split("/")[1:]
        best: tuple[tuple[int, ...], Route, dict[str, str]] | None = None
        for segments, route in self._routes:
            if route.path != "$default" and route.method not in (method, "ANY"):
                continue
            fit = _fit(segments, given)
            if fit is None:
                continue
            rank = (*fit[0], route.method == "ANY")
            if best is None or rank < best[0]:
                best = (rank, route, fit[1])
        return None if best is None else (best[1], best[2])

    def _event(
        self,
        route: Route,
        method: str,
        path: str,
        query: str,
        parameters: Mapping[str, str],
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, Any]:
        lower = {name.lower(): value for name, value in headers.items()}
        cookies = lower.pop("cookie", "")
        lower.setdefault("host", self._domain)
        lower.setdefault("x-forwarded-proto", "https")
        if body:
            lower.setdefault("content-length", str(len(body)))
        now = self._now()
        event: dict[str, Any] = {
            "version": "2.0",
            "routeKey": route.key,
            "rawPath": path,
            "rawQueryString": query,
            "headers": lower,
            "requestContext": {
                "accountId": self._account,
                "apiId": self._id,
                "domainName": lower["host"],
                "domainPrefix": self._id,
                "http": {
                    "method": method,
                    "path": path,
                    "protocol": "HTTP/1.1",
                    "sourceIp": "192.0.2.1",
                    "userAgent": lower.get("user-agent", ""),
                },
                "requestId": f"request-{self._requests:08d}=",
                "routeKey": route.key,
                "stage": "$default",
                "time": now.astimezone(UTC).strftime("%d/%b/%Y:%H:%M:%S +0000"),
                "timeEpoch": int(now.timestamp() * 1000),
            },
            "isBase64Encoded": False,
        }
        if cookies:
            event["cookies"] = [cookie.strip() for cookie in cookies.split(";")]
        if query:
            joined: dict[str, str] = {}
            for name, value in parse_qsl(query, keep_blank_values=True):
                joined[name] = f"{joined[name]},{value}" if name in joined else value
            event["queryStringParameters"] = joined
        if parameters:
            event["pathParameters"] = dict(parameters)
        if body:
            kind = lower.get("content-type", "").lower()
            if kind.startswith(_TEXT):
                event["body"] = body.decode("utf-8", "replace")
            else:
                event["body"] = base64.b64encode(body).decode()
                event["isBase64Encoded"] = True
        return event


def _segments(path: str) -> tuple[str, ...]:
    return ("{+}",) if path == "$default" else tuple(path.split("/")[1:])


def _fit(segments: Sequence[str], given: Sequence[str]) -> tuple[tuple[int, ...], dict[str, str]] | None:
    """How well a route's segments fit a path: its rank (less is more specific) and the path parameters."""
    rank: list[int] = []
    parameters: dict[str, str] = {}
    for position, segment in enumerate(segments):
        if segment == "{+}":
            return (9,), {}
        if segment.startswith("{") and segment.endswith("+}"):
            rest = "/".join(given[position:])
            if not rest:
                return None
            parameters[segment[1:-2]] = unquote(rest)
            return (*rank, 2), parameters
        if position >= len(given):
            return None
        if segment.startswith("{") and segment.endswith("}"):
            if not given[position]:
                return None
            parameters[segment[1:-1]] = unquote(given[position])
            rank.append(1)
        elif segment == given[position]:
            rank.append(0)
        else:
            return None
    return (tuple(rank), parameters) if len(segments) == len(given) else None


def _response(answer: Any) -> HttpResponse:
    """The function's answer: with a statusCode it is the response, any other JSON value is the body of a 200."""
    if not isinstance(answer, Mapping) or "statusCode" not in answer:
        return _answer(200, answer)
    headers = {str(name).lower(): _header(value) for name, value in (answer.get("headers") or {}).items()}
    for name, values in (answer.get("multiValueHeaders") or {}).items():
        headers[str(name).lower()] = ",".join(map(_header, values))
    cookies = answer.get("cookies")
    if cookies:
        headers["set-cookie"] = "\n".join(cookies)
    body = answer.get("body") or ""
    if not isinstance(body, str):
        return _answer(500, {"message": "Internal Server Error"})
    raw = base64.b64decode(body) if answer.get("isBase64Encoded") else body.encode()
    if len(raw) > MAXIMUM_ANSWER:
        return _answer(500, {"message": "Internal Server Error"})
    headers.setdefault("content-type", "text/plain; charset=utf-8")
    return HttpResponse(int(answer["statusCode"]), headers, raw)


def _header(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _answer(status: int, body: Any) -> HttpResponse:
    return HttpResponse(status, {"content-type": "application/json"}, json.dumps(body).encode())
