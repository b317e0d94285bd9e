"""Where a store wants its webhooks: the endpoints in one SecureString parameter, and which of them are closed.

    {"helpdesk": {"url": "https://desk.example.com/hooks/aftercare", "secrets": ["whsec_..."],
                  "events": ["SupportCaseOpened"], "share": ["contact", "words"], "recipient": "processor", "is": "zendesk"}}

The address stands there too, because with many tools it is a secret itself. docs/outbound-webhooks.md says what each word does.
"""

import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from aftercare import keys
from aftercare.clock import iso, parse_iso
from aftercare.table import Item, Put, Remove
from aftercare.webhook import key_of, parts_of

EVENTS = (
    "ConsentChanged",
    "ConsentObserved",
    "AddressSuppressed",
    "CueGiven",
    "SurveyAnswered",
    "ReviewPosted",
    "SocialMentioned",
    "MilestoneReached",
    "ReturnExplained",
    "FeedbackRead",
    "FeedbackClassified",
    "SegmentChanged",
    "SupportCaseOpened",
    "SupportCaseAnswered",
    "SupportCaseClosed",
    "RescueOverdue",
    "ReturnRequested",
    "ReturnApproved",
    "ReturnExpired",
    "ReturnDeclined",
    "ReturnReceived",
    "ReturnSettled",
    "MessageSent",
    "MessageUnresolved",
    "InboundMessage",
)
"""The events that leave as webhooks."""

CONTACT, WORDS = "contact", "words"
SHARED = (CONTACT, WORDS)
"""What an endpoint gets beyond ids, times and listed words, only where it is named: how a person is reached, what they wrote."""

THIRD_PARTY = "third_party"
RECIPIENTS = ("processor", THIRD_PARTY)
TOOLS = ("zendesk", "hubspot")
"""Tools whose own webhooks are taken here: what came from one is not told to it."""

MOST = 5
SECRETS = 3

_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}")


class Unusable(ValueError):
    """The parameter cannot be used. Says which endpoint and field, and nothing of what stands there."""


@dataclass(frozen=True, slots=True)
class Endpoint:
    """One receiver. `secrets` all sign; `third_party` is one who uses the data for its own purposes (CCPA: sale or sharing)."""

    name: str
    url: str
    secrets: tuple[str, ...]
    events: frozenset[str]
    share: frozenset[str]
    third_party: bool
    tool: str | None = None


def endpoints_of(text: str) -> tuple[Endpoint, ...]:
    """The endpoints of the parameter's text. Unusable."""
    try:
        told = json.loads(text)
    except ValueError:
        raise Unusable("the parameter: expected JSON") from None
    if not isinstance(told, dict) or not 0 < len(told) <= MOST:
        raise Unusable(f"the parameter: expected an object of 1 to {MOST} endpoints by their names")
    return tuple(_endpoint(str(name), given) for name, given in told.items())


def _endpoint(name: str, given: Any) -> Endpoint:
    if not _NAME.fullmatch(name):
        raise Unusable("an endpoint's name: expected 1 to 32 of a-z, 0-9 and -, a letter first")
    if not isinstance(given, dict) or set(given) - {"url", "secrets", "events", "share", "recipient", "is"}:
        raise Unusable(f"{name}: expected an object of url, secrets, events, share, recipient, is")
    url, recipient = given.get("url"), given.get("recipient", RECIPIENTS[0])
    if not isinstance(url, str) or parts_of(url) is None:
        raise Unusable(f"{name}.url: expected https://name.example/path, port 443")
    if recipient not in RECIPIENTS:
        raise Unusable(f"{name}.recipient: expected one of {', '.join(RECIPIENTS)}")
    if given.get("is", TOOLS[0]) not in TOOLS:
        raise Unusable(f"{name}.is: expected one of {', '.join(TOOLS)}, or no such field")
    secrets = _list(name, given, "secrets", ())
    if not 0 < len(secrets) <= SECRETS:
        raise Unusable(f"{name}.secrets: expected 1 to {SECRETS}, the newest first")
    for secret in secrets:
        try:
            key_of(secret)
        except ValueError as error:
            raise Unusable(f"{name}.secrets: {error}") from None
    return Endpoint(
        name=name,
        url=url,
        secrets=secrets,
        events=_words(name, given, "events", EVENTS, EVENTS),
        share=_words(name, given, "share", SHARED, ()),
        third_party=recipient == THIRD_PARTY,
        tool=given.get("is"),
    )


def _list(name: str, given: Mapping[str, Any], field: str, otherwise: Collection[str]) -> tuple[str, ...]:
    found = given.get(field, list(otherwise))
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise Unusable(f"{name}.{field}: expected a list of text")
    return tuple(found)


def _words(name: str, given: Mapping[str, Any], field: str, known: Collection[str], otherwise: Collection[str]) -> frozenset[str]:
    found = _list(name, given, field, otherwise)
    if set(found) - set(known):
        raise Unusable(f"{name}.{field}: expected some of {', '.join(known)}")
    return frozenset(found)


@dataclass(frozen=True, slots=True)
class Closed:
    """An endpoint that is told nothing more until an operator opens it: since when, and why."""

    name: str
    at: datetime
    because: str


def closed_from(item: Item) -> Closed:
    return Closed(str(item["sk"]).removeprefix(keys.endpoint("").sk), parse_iso(str(item["closed_at"])), str(item["because"]))


def close(name: str, because: str, now: datetime) -> Put:
    return Put(keys.endpoint(name), {"closed_at": iso(now), "because": because})


def reopen(name: str) -> Remove:
    return Remove(keys.endpoint(name))
