"""Erasing a person: one plan, and the one hand that carries it out, again and again until nothing is left (rules C27, I11).

First the person is marked as erased, in one transaction in their own partition that moves the version of consent: whoever
claims a send after it loses, and whoever reads the partition after it finds nobody. What was still under way when the mark
came (an invocation that had read before it) may write something once more, for at most the time of a lease; so there is a
second look after that time, and only then is the erasure over and the request answered. A send that is claimed already is not
called back: the erasure waits for its lease and says so.

Every step may be repeated, and a crash between two of them is found by `due_sweep`, because the mark stands on the due index.
"""

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from aftercare import forgotten, holdings, keys, requests, retention, telemetry
from aftercare.clock import iso, parse_iso
from aftercare.holdings import Holdings
from aftercare.keys import Key
from aftercare.ledger import LEASE
from aftercare.outside import Outside
from aftercare.reason import State
from aftercare.requests import Request
from aftercare.table import Absent, Change, Condition, ConditionFailed, Conflict, Is, Item, Put, Remove, TableError, Write

ATTEMPTS = 6
GRACE = timedelta(minutes=5)
"""After so long the sweep takes up what was begun and not brought to its end."""

LOOK_AGAIN = LEASE + timedelta(minutes=1)
"""After so long nothing writes any more that had read before the mark: no invocation lives longer than a lease."""

NEEDED = timedelta(seconds=5)
TOGETHER = 25
MARK, STUB = keys.ERASED, keys.CONSENT


class KeepsChanging(TableError):
    """The record changed under every attempt; the queue brings the wish again, or the sweep does."""


class Outcome(StrEnum):
    """How far it came."""

    ERASED = "erased"
    WAITS = "waits for its second look"
    WAITS_FOR_SEND = "waits for a send that is under way"
    MORE = "not all in this time"
    NOBODY = "nobody is known"


@dataclass(frozen=True, slots=True)
class Mark:
    """What stands in a partition whose person has been erased. `hashes` are of their addresses, until the end."""

    erased_at: datetime
    requests: tuple[str, ...] = ()
    hashes: tuple[str, ...] = ()

    def item(self, due_at: datetime | None) -> Item:
        item: Item = {
            "doc": "{}",
            "erased_at": iso(self.erased_at),
            "expires_at": retention.MARK.ends(self.erased_at),
        }
        if due_at is None:
            return item
        due: Item = {"due_kind": "erasure", "due_at": iso(due_at)}
        return {**item, "requests": ",".join(self.requests), "hashes": ",".join(self.hashes), **due}


def mark_from(items: Iterable[Item]) -> Mark | None:
    for item in items:
        if item["sk"] == MARK:
            listed = (tuple(filter(None, str(item.get(name, "")).split(","))) for name in ("requests", "hashes"))
            return Mark(parse_iso(str(item["erased_at"])), *listed)
    return None


# ---------------------------------------------------------------- the plan


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do with all that was found of a person. `waits_until` is the end of the longest lease of an open send."""

    stops: tuple[tuple[str, str], ...]
    names: tuple[Key, ...]
    removes: tuple[Key, ...]
    requests: tuple[Key, ...]
    waits_until: datetime | None


def plan(held: Holdings, now: datetime) -> Plan:
    """What to do with all that lies about a person. Pure."""
    waits, removes, leases = [], [], []
    for item in held.items:
        sk, place = str(item["sk"]), Key("customers", str(item["pk"]), str(item["sk"]))
        if sk in (MARK, STUB):
            continue
        if item.get("state") == State.CLAIMED and parse_iso(str(item["due_at"])) > now:
            leases.append(parse_iso(str(item["due_at"])))
            continue
        if sk.startswith(keys.WAIT):
            waits.append((str(item["machine"]), sk.removeprefix(keys.WAIT)))
        removes.append(place)
    evidence = [Key("customers", str(item["pk"]), str(item["sk"])) for item in held.evidence]
    asked = tuple(key for key in held.owned if key.pk.startswith("REQUEST#"))
    bodies = tuple(key for key in held.elsewhere if key.pk.startswith(("PARKED#", "MENTION#")))
    rows = tuple(key for key in held.owned if key.pk.startswith(("SHOP#", "PRODUCT#")))
    names = tuple(key for key in held.owned if key not in (*asked, *bodies, *rows))
    return Plan(
        stops=tuple(waits),
        names=tuple(sorted(names)),
        removes=tuple(dict.fromkeys((*bodies, *rows, *evidence, *removes))),
        requests=asked,
        waits_until=max(leases, default=None),
    )


def addresses(items: Iterable[Item], identity_secret: str) -> tuple[Key, ...]:
    """The names under which every e-mail address and phone number of a record is known."""
    return tuple(dict.fromkeys(name for pair in holdings.contacts(items) for name in holdings.names_of(identity_secret, *pair)))


# ---------------------------------------------------------------- the hand


class Eraser:
    """Erases with the ports of one function; `time_left` says how long its invocation may still take."""

    def __init__(self, outside: Outside, time_left: Callable[[], timedelta]) -> None:
        self.outside = outside
        self.tables = outside.tables
        self.time_left = time_left
        self.identity_secret = outside.secrets.text(outside.settings.need("identity_secret"))
        self.secret = outside.secrets.text(outside.settings.need("suppression_secret"))

    def answer(self, request: Request) -> Outcome:
        """Erase everyone whom a request is about, and answer it where nobody is (left to be) erased. TableError."""
        # Bodies that could not be read as facts may mention somebody whom nobody knows.
        names = holdings.names_of(self.identity_secret, request.email, request.phone)
        self.remove(tuple(holdings.mentioned(self.tables, map(holdings.hash_of, names), expired=True)))
        found = {customer_id: self.erase(customer_id, (request.ref,)) for customer_id in request.customer_ids}
        nobody = [customer_id for customer_id, outcome in found.items() if outcome is Outcome.NOBODY]
        for unknown in nobody if found else (None,):
            self.answered(requests.place_of(request), unknown, "nobody was known under these names")
        return next((outcome for outcome in found.values() if outcome is not Outcome.NOBODY), Outcome.NOBODY)

    def erase(self, customer_id: str, refs: tuple[str, ...] = ()) -> Outcome:
        """One look at a person: mark, remove, and end it if this is the second look. `refs` are requests that it answers."""
        mark = self._marked(customer_id, refs)
        if mark is None:
            return Outcome.NOBODY
        now = self.outside.clock.now()
        found = plan(holdings.found(self.tables, customer_id, mark.hashes, expired=True), now)
        if not self._carry_out(customer_id, found, mark):
            return Outcome.MORE
        if found.waits_until:
            return self._waits_for_send(customer_id, mark, found.waits_until)
        if now < mark.erased_at + LOOK_AGAIN:
            self._come_back(customer_id, mark, mark.erased_at + LOOK_AGAIN)
            return Outcome.WAITS
        for ref in mark.requests:
            self.answered(keys.request(requests.Asked.ERASURE, ref), customer_id, "erased")
        self.tables.write([Put(keys.customer(customer_id, MARK), mark.item(None))])
        telemetry.count("CustomerErased")
        return Outcome.ERASED

    # ------------------------------------------------------------ steps

    def _marked(self, customer_id: str, refs: tuple[str, ...]) -> Mark | None:
        """The mark, set now if it was not there. None where there is nobody. KeepsChanging."""
        for _ in range(ATTEMPTS):
            items, now = holdings.partition(self.tables, customer_id), self.outside.clock.now()
            there = mark_from(items)
            if there and not set(refs) - set(there.requests):
                return there
            if there:
                joined = Mark(there.erased_at, tuple(dict.fromkeys((*there.requests, *refs))), there.hashes)
                attribute, seen = (
                    ("requests", ",".join(there.requests)) if there.requests else ("erased_at", iso(there.erased_at))
                )
                place = keys.customer(customer_id, MARK)
                writes: list[Write] = [Put(place, joined.item(now + GRACE), when=Is(attribute, seen))]
            elif not items and not self.tables.owned(customer_id):
                return None
            else:
                names = addresses(items, self.identity_secret)
                self.write([forgotten.left(self.secret, name, now) for name in names])
                joined = Mark(now, refs, tuple(map(holdings.hash_of, names)))
                writes = [
                    Put(keys.customer(customer_id, MARK), joined.item(now + GRACE), when=Absent()),
                    _stub(customer_id, items, now),
                    Remove(keys.customer(customer_id, keys.PROFILE)),
                    Remove(keys.customer(customer_id, keys.SLOT)),
                ]
            try:
                self.tables.write(writes)
            except (ConditionFailed, Conflict):
                continue
            return joined
        raise KeepsChanging("the record changed under every attempt")

    def _carry_out(self, customer_id: str, found: Plan, mark: Mark) -> bool:
        """Everything of the plan, what others may come back by first. False when there was no time for all of it."""
        self.outside.slots.clear(customer_id)
        for name in found.names:
            if self.time_left() < NEEDED:
                return False
            self.write([forgotten.left(self.secret, name, mark.erased_at), Remove(name)])
        for machine, wait in found.stops:
            if self.time_left() < NEEDED:
                return False
            self.outside.waits.stop(machine, wait)
        for key in found.requests:
            self._reduce(key, customer_id)
        return self.remove(found.removes)

    def remove(self, places: Sequence[Key]) -> bool:
        for start in range(0, len(places), TOGETHER):
            if self.time_left() < NEEDED:
                return False
            self.write([Remove(key) for key in places[start : start + TOGETHER]])
        return True

    def write(self, writes: Sequence[Write]) -> None:
        """Together, and where somebody else is at one of the items, one by one."""
        if not writes:
            return
        try:
            self.tables.write(writes)
        except Conflict:
            for write in writes:
                self.tables.write([write])

    def _come_back(self, customer_id: str, mark: Mark, at: datetime) -> None:
        place = keys.customer(customer_id, MARK)
        self.tables.write([Change(place, put={"due_at": iso(at)}, when=Is("erased_at", iso(mark.erased_at)))])

    def _waits_for_send(self, customer_id: str, mark: Mark, until: datetime) -> Outcome:
        telemetry.tell("a send is under way", customer_id=customer_id, until=iso(until))
        self._come_back(customer_id, mark, max(until, mark.erased_at + LOOK_AGAIN))
        for ref in mark.requests:
            self._change(keys.request(requests.Asked.ERASURE, ref), lambda r: r.model_copy(update={"waits_until": until}))
        return Outcome.WAITS_FOR_SEND

    # ------------------------------------------------------------ requests

    def answered(self, place: Key, customer_id: str | None, outcome: str) -> None:
        """Close a request, once everyone whom it is about is erased."""
        now = self.outside.clock.now()

        def after(request: Request) -> Request:
            left = tuple(other for other in request.customer_ids if other != customer_id)
            bare = request.model_copy(update={"customer_ids": left})
            return bare if left else requests.answered(bare, outcome, now)

        self._change(place, after)

    def _reduce(self, place: Key, customer_id: str) -> None:
        """Of an erased person's other requests stays what was asked and whether it was answered. One to be erased goes on."""
        now = self.outside.clock.now()

        def after(request: Request) -> Request:
            if request.asked is requests.Asked.ERASURE and not request.closed_at:
                return request
            bare = request.model_copy(update={"customer_ids": tuple(c for c in request.customer_ids if c != customer_id)})
            if bare.closed_at or bare.customer_ids:
                return bare
            return requests.answered(bare, "the person was erased", now)

        self._change(place, after)

    def _change(self, place: Key, after: Callable[[Request], Request]) -> None:
        for _ in range(ATTEMPTS):
            item = self.tables.read([place]).get(place)
            if item is None:
                return
            before = Request.model_validate_json(str(item["doc"]))
            changed = after(before)
            if changed == before:
                return
            try:
                self.tables.write([requests.kept(changed, Is("doc", item["doc"]))])
            except (ConditionFailed, Conflict):
                continue
            return
        raise KeepsChanging("the request changed under every attempt")


def _stub(customer_id: str, items: Iterable[Item], now: datetime) -> Put:
    """A record of consent that says nothing and is one version on: a claim that was decided before it fails."""
    place = keys.customer(customer_id, STUB)
    there = next((item for item in items if item["sk"] == STUB), None)
    version = int(str(there["version"])) if there else 0
    when: Condition = Is("version", version) if there else Absent()
    doc = {"version": version + 1}
    return Put(place, {"doc": json.dumps(doc), "version": version + 1, "expires_at": retention.MARK.ends(now)}, when=when)
