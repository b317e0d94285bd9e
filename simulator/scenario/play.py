"""Plays a scenario on a local cloud, step by step, and compares what came of it with what it expects."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import urlencode

from aftercare import identity, keys
from aftercare.clock import parse_iso
from aftercare.consent import Channel, Purpose
from aftercare.store import versioned
from aftercare.switch import Switch, switch_from
from simulator.faults import Effect, Fault, FaultPlan
from simulator.front import links_of
from simulator.scenario.requests import Request, Senders
from simulator.scenario.shape import Expected, FaultSet, MailReported, PersonWrote, Scenario, Step, SurveyAnswered, SwitchSet

if TYPE_CHECKING:
    from simulator.commands.world import Arrival, World

FORM: Final = {"content-type": "application/x-www-form-urlencoded"}

AFTER_THE_LAST_STEP: Final = timedelta(days=1)
"""How much time passes at the end where the scenario does not say."""

STRIDE: Final = timedelta(days=1)
"""Long waits are passed in strides, so that progress can be shown."""


@dataclass(frozen=True, slots=True)
class Difference:
    """One expectation that did not hold."""

    message: str
    expected: str
    found: str


class Faults:
    """The faults that a scenario asks for, each for so many of the next matching effects."""

    def __init__(self) -> None:
        self._left: list[tuple[FaultSet, Counter[str]]] = []
        self.plan = FaultPlan(choose=self._choose)

    def add(self, asked: FaultSet) -> None:
        self._left.append((asked, Counter(times=asked.times)))

    def _choose(self, effect: Effect) -> Fault | None:
        for asked, left in self._left:
            if left["times"] and effect.function == asked.function and effect.name == asked.effect:
                left["times"] -= 1
                return asked.kind
        return None


Tell = Callable[[datetime, str, "Arrival | None"], None]
"""What is told of each step: when, what in words, and the answer where it was a request."""


class Play:
    """One playing of a scenario. `tell` hears of each step, `passing` of each stride of time."""

    def __init__(
        self,
        world: World,
        scenario: Scenario,
        faults: Faults | None = None,
        tell: Tell | None = None,
        passing: Callable[[datetime], None] | None = None,
    ) -> None:
        self.world = world
        self.scenario = scenario
        self._faults = faults
        self._tell = tell
        self._passing = passing
        self._senders = Senders(scenario, world.secret, "", world.cloud.store_bus)

    def run(self) -> None:
        """From the first step to the end."""
        set_switch(self.world, self.scenario.switch)
        last = self.scenario.start
        for step in self.scenario.steps:
            last = self.scenario.when(step.at, last).instant
            self._pass_until(last)
            self._do(step, last)
        until = self.scenario.when(self.scenario.until, last).instant if self.scenario.until else last + AFTER_THE_LAST_STEP
        self._pass_until(until)

    def _pass_until(self, instant: datetime) -> None:
        cloud = self.world.cloud
        while cloud.now < instant:
            cloud.advance_to(min(cloud.now + STRIDE, instant))
            if self._passing is not None:
                self._passing(cloud.now)

    def _do(self, step: Step, now: datetime) -> None:
        request = self._request(step, now)
        if request is not None:
            arrival = self.world.deliver(request)
            self._told(now, request.about, arrival)
        elif step.switch is not None:
            set_switch(self.world, step.switch)
            self._told(now, f"the switch is set to {step.switch.mode}", None)
        elif step.mail is not None:
            self._reported(step.mail, now)
        elif step.writes is not None:
            self._wrote(step.writes, now)
        elif step.answers is not None:
            self._answered(step.answers, now)
        elif step.fault is not None and self._faults is not None:
            self._faults.add(step.fault)
            self._told(now, f"the next {step.fault.times} {step.fault.effect} of {step.fault.function}: {step.fault.kind}", None)

    def _told(self, now: datetime, about: str, arrival: Arrival | None) -> None:
        if self._tell is not None:
            self._tell(now, about, arrival)

    def _request(self, step: Step, now: datetime) -> Request | None:
        senders = self._senders
        if step.order is not None:
            return senders.placed(step.order, now)
        if step.paid is not None:
            return senders.paid(step.paid.order, step.paid.by, now)
        if step.cancel is not None:
            return senders.cancelled(step.cancel.order, step.cancel.by, step.cancel.reason, now)
        if step.refund is not None:
            amount = step.refund.amount.amount if step.refund.amount else None
            return senders.refunded(step.refund.order, amount, step.refund.by, now)
        if step.again is not None:
            return senders.again(step.again.order, step.again.by, now)
        if step.consent is not None:
            return senders.consent(step.consent, now)
        if step.event is not None:
            return senders.event(step.event, now)
        return None

    def _reported(self, asked: MailReported, now: datetime) -> None:
        """What the provider tells of the newest mail to the customer; nothing where there was none."""
        mailbox = self.world.cloud.mailbox
        address = identity.email(self.scenario.customers[asked.customer].email)
        taken = mailbox.to(address or "")
        if taken:
            kind, content = _PROVIDER_EVENTS[asked.says]
            recipient = {"emailAddress": taken[-1].recipient}
            mailbox.tell_again(kind, taken[-1], **content(recipient))
            self.world.cloud.run()
        said = f"{asked.says} of the newest mail" if taken else f"{asked.says}, but there is no mail"
        self._told(now, f"{asked.customer}: {said}", None)

    def _wrote(self, said: PersonWrote, now: datetime) -> None:
        cloud, number = self.world.cloud, identity.phone(self.scenario.customers[said.customer].phone) or ""
        if said.by == "sms":
            cloud.text_in(number, said.says)
        else:
            message_id = f"wamid.{said.customer}.{int(now.timestamp())}"
            cloud.chat_in({"from": number[1:], "id": message_id, "type": "text", "text": {"body": said.says}})
        cloud.run()
        self._told(now, f"{said.customer} writes by {said.by}: {said.says}", None)

    def _answered(self, said: SurveyAnswered, now: datetime) -> None:
        """What is said on the page behind the newest mail that asks; nothing where there is none."""
        address = identity.email(self.scenario.customers[said.customer].email)
        asked = (links_of(mail).get("survey") for mail in reversed(tuple(self.world.mails())) if mail.recipient == address)
        link = next((path.partition("?")[0] for path in asked if path), None)
        if link is None:
            self._told(now, f"{said.customer} answers the survey, but no mail asks", None)
            return
        answer = self.world.cloud.http("POST", link, FORM, urlencode(said.form()).encode())
        self.world.cloud.run()
        self._told(now, f"{said.customer} answers the survey: {answer.status}", None)

    # ------------------------------------------------------------------ expectations

    def differences(self) -> list[Difference]:
        """What did not come as expected."""
        names = self.customers()
        messages = [{**message, "who": names.get(message["customer"])} for message in self.world.cloud.journal.messages()]
        found: list[Difference] = []
        matched: set[int] = set()
        for expected in self.scenario.expect:
            fits = [n for n, message in enumerate(messages) if self._about(expected, message)]
            matched.update(fits)
            if expected.settlement == "none":
                if fits:
                    found.append(Difference(expected.message, "none", "; ".join(_short(messages[n]) for n in fits)))
                continue
            if not any(self._as_expected(expected, messages[n]) for n in fits):
                seen = "; ".join(_short(messages[n]) for n in fits) or "no such message was considered"
                found.append(Difference(expected.message, self._words(expected), seen))
        if self.scenario.exactly:
            found += [
                Difference(message["key"], "nothing", _short(message)) for n, message in enumerate(messages) if n not in matched
            ]
        return found

    def customers(self) -> dict[str, str]:
        """The scenario's name of each customer by id, where an address tells."""
        from aftercare.customer import Profile

        known: dict[str, str] = {}
        by_address = {identity.email(person.email): name for name, person in self.scenario.customers.items() if person.email}
        for item in self.world.cloud.items("CustomerTable"):
            if item["sk"] == keys.PROFILE:
                profile = Profile.model_validate_json(str(item["doc"]))
                name = by_address.get(identity.email(profile.contact.email))
                if name:
                    known[keys.customer_id_of(str(item["pk"]))] = name
        return known

    def _about(self, expected: Expected, message: dict[str, Any]) -> bool:
        return fnmatchcase(message["key"], expected.message) and expected.customer in (None, message["who"])

    def _as_expected(self, expected: Expected, message: dict[str, Any]) -> bool:
        if message["settlement"] != expected.settlement:
            return False
        if expected.reason is not None and message["reason"] != expected.reason:
            return False
        if expected.channel is not None and message["channel"] != str(expected.channel):
            return False
        if expected.at is None:
            return True
        return self.scenario.when(expected.at, self.scenario.start).same(parse_iso(message["at"]))

    def _words(self, expected: Expected) -> str:
        parts = [str(expected.settlement), expected.reason, expected.channel and f"by {expected.channel}"]
        if expected.at is not None:
            parts.append(f"at {self.scenario.when(expected.at, self.scenario.start)}")
        return " ".join(part for part in parts if part)


def _short(message: dict[str, Any]) -> str:
    by = f" by {message['channel']}" if message["channel"] else ""
    return f"{message['key']} {message['settlement']} {message['reason']}{by} at {message['at'][:19].replace('T', ' ')}"


def set_switch(world: World, asked: SwitchSet) -> None:
    """Set the kill switch as the operator would."""
    tables = world.cloud.outside().tables
    before = switch_from(tables.read([keys.switch()]).get(keys.switch()))
    allowed = tuple(identity.keyed_hash(world.identity_secret(), address.lower()) for address in asked.allow)
    places = {
        f"{purpose}#{channel}": asked.mode
        for purpose in ([asked.purpose] if asked.purpose else list(Purpose))
        for channel in ([asked.channel] if asked.channel else list(Channel))
    }
    if asked.purpose is None and asked.channel is None:
        after = Switch(otherwise=asked.mode, allowed=(*before.allowed, *allowed))
    else:
        after = before.model_copy(update={"modes": {**before.modes, **places}, "allowed": (*before.allowed, *allowed)})
    kept = after.model_copy(update={"version": before.version + 1})
    tables.write([versioned(keys.switch(), kept.to_json(), before.version)])


def _bounce(recipient: dict[str, str]) -> dict[str, Any]:
    return {
        "bounce": {
            "feedbackId": "0100019000000000-bounce",
            "bounceType": "Permanent",
            "bounceSubType": "General",
            "bouncedRecipients": [{**recipient, "action": "failed", "status": "5.1.1", "diagnosticCode": "smtp; 550 5.1.1"}],
        }
    }


def _complaint(recipient: dict[str, str]) -> dict[str, Any]:
    return {
        "complaint": {
            "feedbackId": "0100019000000000-complaint",
            "complaintSubType": None,
            "complainedRecipients": [recipient],
            "complaintFeedbackType": "abuse",
        }
    }


_PROVIDER_EVENTS: Final[dict[str, tuple[str, Callable[[dict[str, str]], dict[str, Any]]]]] = {
    "bounce": ("Bounce", _bounce),
    "complaint": ("Complaint", _complaint),
    "open": ("Open", lambda _: {"open": {"ipAddress": "192.0.2.1", "userAgent": "a mail program"}}),
    "click": (
        "Click",
        lambda _: {"click": {"ipAddress": "192.0.2.1", "link": "https://post.larkfield.example/", "linkTags": None}},
    ),
}
