"""A local cloud as the command's words use it: booted for one run, fed requests, and kept for later questions."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from aftercare.clock import iso
from aftercare.consent import Channel
from simulator.commands.last_run import STATE, LastRun
from simulator.commands.options import ROOT
from simulator.commands.problem import BadInput
from simulator.scenario.requests import PARTNER_SOURCE, Request

if TYPE_CHECKING:
    from simulator.cloud import LocalCloud
    from simulator.faults import FaultPlan
    from simulator.mailbox import MailTaken
    from simulator.state_language import Execution

SECRET: Final = "s3cret"  # noqa: S105 - signs sample requests only, those of events/ too
SENDERS: Final = ("shopify", "easypost", "aftership", "shippo", "ship24", "karrio", "zendesk", "hubspot")
"""Who brings webhooks; each has a parameter of the template for its secrets."""

PARAMETERS: Final = {
    "SenderAddress": "orders@larkfield.example",
    "PostalAddress": "Larkfield Trading GmbH, Example Street 1, 10115 Berlin, Germany",
    "ShopifyEventBusName": PARTNER_SOURCE,
    "CustomDomainName": "post.larkfield.example",
    "CertificateArn": "arn:aws:acm:us-east-1:123456789012:certificate/00000000-0000-4000-8000-000000000000",
}
"""The template's parameters in runs of the command: a sample merchant."""

_AT: Final = "us-east-1:123456789012"
OF_CHANNEL: Final[Mapping[Channel, Mapping[str, str]]] = {
    Channel.SMS: {"SmsOriginationArn": f"arn:aws:sms-voice:{_AT}:phone-number/larkfield"},
    Channel.PUSH: {
        "AndroidPushArn": f"arn:aws:sns:{_AT}:app/GCM/larkfield",
        "ApplePushArn": f"arn:aws:sns:{_AT}:app/APNS/larkfield",
    },
    Channel.WHATSAPP: {"WhatsAppPhoneNumberArn": f"arn:aws:social-messaging:{_AT}:phone-number-id/574086085794038"},
    Channel.INBOX: {"AccountInbox": "on"},
}
"""What a deployment is given for each channel beside mail."""

OWN: Final = "aftercare."


@dataclass(frozen=True, slots=True)
class Arrival:
    """One request and what was answered: HTTP status (200 for an event that a bus took), facts recorded, why it was parked."""

    at: str
    about: str
    status: int
    facts: tuple[str, ...]
    parked: str | None
    duplicate: bool = False


@dataclass(frozen=True, slots=True)
class Mail:
    """A mail that the provider took, with its parts."""

    message_id: str
    at: datetime
    recipient: str
    subject: str
    html: str
    text: str
    raw: bytes


@dataclass(frozen=True, slots=True)
class Short:
    """A text message, a notification or a WhatsApp message that its provider took, and what the person reads."""

    message_id: str
    at: datetime
    kind: str
    recipient: str
    body: str


class World:
    """One run of a local cloud."""

    def __init__(self, cloud: LocalCloud, secret: str) -> None:
        self.cloud = cloud
        self.secret = secret
        self.began = cloud.now
        self.arrivals: list[Arrival] = []

    # ------------------------------------------------------------------ requests

    def deliver(self, request: Request) -> Arrival:
        """Bring one request of a sender, now."""
        if request.entry is not None:
            entry = request.entry
            event = {
                "source": entry["Source"],
                "detail-type": entry["DetailType"],
                "detail": json.loads(entry["Detail"]),
                "time": f"{entry['Time']:%Y-%m-%dT%H:%M:%SZ}",
            }
            return self._arrived(request.about, lambda: self._publish(event))
        path = request.path or "/"
        return self._arrived(request.about, lambda: self._answered(self.cloud.http("POST", path, request.headers, request.body)))

    def deliver_http(self, event: Mapping[str, Any], about: str) -> Arrival:
        """Bring a captured HTTP API event, now."""
        return self._arrived(about, lambda: self._answered(self.cloud.http_event(event)))

    def deliver_event(self, event: Mapping[str, Any], about: str) -> Arrival:
        """Bring a captured EventBridge event to the bus that its source belongs to, now."""
        return self._arrived(about, lambda: self._publish(event))

    def _answered(self, response: Any) -> tuple[int, str | None, bool]:
        told: Any = None
        if response.status == 200:
            try:
                told = response.json()
            except ValueError:
                told = None
        if not isinstance(told, dict):
            return response.status, None, False
        return response.status, told.get("parked"), told.get("status") == "duplicate"

    def _publish(self, event: Mapping[str, Any]) -> tuple[int, str | None, bool]:
        """An event that a bus takes is answered 200; one that no rule takes goes nowhere, as in AWS."""
        source = str(event.get("source", ""))
        bus = self._bus_of(source)
        if bus is None:
            return 200, f"source {source}: no rule takes events of this source", False
        self.cloud.publish(event, bus)
        return 200, None, False

    def _bus_of(self, source: str) -> str | None:
        if source.startswith("store."):
            return self.cloud.store_bus
        if source == "aws.partner/shopify.com" or source.startswith("aws.partner/shopify.com/"):
            return PARTNER_SOURCE
        if source.startswith(OWN):
            return next(bus.name for bus in self.cloud.template.buses if bus.logical_id == "AftercareBus")
        return "default" if source.startswith("aws.") else None

    def _arrived(self, about: str, bring: Callable[[], tuple[int, str | None, bool]]) -> Arrival:
        before, at = len(self.cloud.journal.entries("fact")), self.cloud.now
        status, parked, duplicate = bring()
        self.cloud.run()
        new = [entry for entry in self.cloud.journal.entries("fact")[before:] if entry.fields.get("sender") != "due_sweep"]
        facts = tuple(str(fact) for entry in new for fact in entry.fields["facts"])
        parked = parked or next((str(entry.fields["parked"]) for entry in new if entry.fields.get("parked")), None)
        arrival = Arrival(iso(at), about, status, facts, parked, duplicate)
        self.arrivals.append(arrival)
        return arrival

    # ------------------------------------------------------------------ what came of it

    def mails(self) -> Iterator[Mail]:
        for taken in self.cloud.mailbox.taken:
            yield read_mail(taken)

    def shorts(self) -> Iterator[Short]:
        """What phones and apps got: text messages, notifications, WhatsApp messages."""
        for taken in self.cloud.phones.taken:
            yield Short(taken.message_id, taken.at, taken.kind, taken.to, taken.body)

    def messages(self) -> list[dict[str, Any]]:
        return self.cloud.journal.messages()

    def identity_secret(self) -> str:
        return self._secret("IdentitySecret")

    def link_secret(self) -> str:
        return self._secret("LinkKeySecret")

    def _secret(self, logical_id: str) -> str:
        secrets = self.cloud.all_secrets()
        arn = next(secret.arn for secret in self.cloud.template.secrets if secret.logical_id == logical_id)
        return secrets[arn]

    def kept(self, command: str, title: str) -> LastRun:
        """The run as later words find it."""
        cloud = self.cloud
        return LastRun(
            command=command,
            title=title,
            backend=cloud.backend_name,
            seed=int(cloud.seed),
            began=iso(self.began),
            now=iso(cloud.now),
            tables={"customers": cloud.items("CustomerTable"), "knowledge": cloud.items("KnowledgeTable")},
            identity_secret=self.identity_secret(),
            link_secret=self.link_secret(),
            public_base_url=f"https://{PARAMETERS['CustomDomainName']}",
            requests=[asdict(arrival) for arrival in self.arrivals],
            journal=cloud.journal.as_json(),
            messages=self.messages(),
            mails=[{"at": iso(m.at), "message_id": m.message_id, "to": m.recipient, "subject": m.subject} for m in self.mails()],
            waits=[_wait(execution) for execution in cloud.executions.list()],
            dead_letters=cloud.dead_letters(),
        )

    def save(self, command: str, title: str) -> Path:
        return self.kept(command, title).save(STATE)


@contextmanager
def opened(
    backend: Literal["moto", "memory"],
    seed: int,
    start: datetime,
    *,
    secrets: Mapping[str, str] | None = None,
    switch: str | None = "on",
    faults: FaultPlan | None = None,
    channels: Iterable[Channel] = (),
) -> Iterator[World]:
    """A booted world. `secrets` are the senders' own, one a line, else SECRET; `channels` what the deployment has beside mail.
    BadInput for a template that the local cloud cannot run."""
    from simulator.cloud import LocalCloud
    from simulator.template_intrinsics import TemplateError

    known = {**dict.fromkeys(SENDERS, SECRET), **(secrets or {})}
    try:
        cloud = LocalCloud(
            backend,
            template=ROOT / "template.yaml",
            parameters=PARAMETERS | {name: value for channel in channels for name, value in OF_CHANNEL.get(channel, {}).items()},
            seed=seed,
            start=start,
            ssm={f"/aftercare/{sender}-secrets": text for sender, text in known.items()},
            switch=switch,
            faults=faults,
        )
    except TemplateError as error:
        raise BadInput(f"template.yaml: {error}") from error
    with cloud:
        yield World(cloud, known["shopify"])


def ask(function: str, event: Any) -> Any:
    """Call a function that needs nothing outside itself for this event: no cloud is booted. BadInput for an unknown one."""
    from simulator.lambda_runtime import FunctionMissing, LambdaRuntime
    from simulator.template import load

    runtime = LambdaRuntime(load(ROOT / "template.yaml", PARAMETERS).functions, 0, {**os.environ})
    try:
        with runtime.captured():
            return runtime.invoke(runtime.find(function), event)
    except FunctionMissing as error:
        raise BadInput(str(error)) from error


def _wait(execution: Execution) -> dict[str, Any]:
    """A workflow's wait: for what it was started, when it ended and what the woken function answered."""
    given = json.loads(execution.input)
    return {
        "key": given.get("key"),
        "customer": given.get("customer_id"),
        "started": iso(execution.started),
        "until": given.get("due_at"),
        "ended": iso(execution.closed) if execution.closed else None,
        "outcome": _outcome(execution.output),
    }


def _outcome(output: Any) -> str | None:
    """`outcome` wherever the workflow left the function's answer."""
    if isinstance(output, dict):
        if isinstance(output.get("outcome"), str):
            return str(output["outcome"])
        return next((found for value in output.values() if (found := _outcome(value))), None)
    return None


def read_mail(taken: MailTaken) -> Mail:
    """A mail as the customer's program would read it."""
    raw = taken.mime()
    parsed = message_from_bytes(raw, policy=policy.default)
    parts: dict[str, str] = {}
    if isinstance(parsed, EmailMessage):
        for kind in ("html", "plain"):
            body = parsed.get_body(preferencelist=(kind,))
            parts[kind] = str(body.get_content()) if body is not None else ""
    return Mail(
        message_id=taken.message_id,
        at=taken.at,
        recipient=taken.recipient,
        subject=str(parsed["Subject"] or ""),
        html=parts.get("html", ""),
        text=parts.get("plain", ""),
        raw=raw,
    )
