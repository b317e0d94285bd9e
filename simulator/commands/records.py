"""The records that operators' words work on: those of the last run here, or those of a deployed stack; one port for both."""

from __future__ import annotations

import argparse
import getpass
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from aftercare import identity, keys, ledger
from aftercare.clock import SystemClock, iso, parse_iso
from aftercare.customer import Customer
from aftercare.decision import Message
from aftercare.store import CustomerUnknown, with_archive
from aftercare.table import Item, Tables
from simulator.commands import last_run
from simulator.commands.last_run import LastRun
from simulator.commands.problem import BadInput

if TYPE_CHECKING:
    from simulator.memory.tables import MemoryTables


LONGEST_ORDER = 400
"""Characters of an order's key, far below the 2048 bytes of a partition key."""


class Records(Protocol):
    """Both tables, the key of the e-mail aliases, and the time that counts there."""

    @property
    def name(self) -> str: ...

    @property
    def tables(self) -> Tables: ...

    @property
    def identity_secret(self) -> str: ...

    @property
    def link_secret(self) -> str: ...

    @property
    def public_base_url(self) -> str: ...

    @property
    def now(self) -> datetime: ...

    @property
    def operator(self) -> str:
        """Who runs the command, for the decision record."""
        ...

    def keep(self) -> None:
        """Make what was written last."""
        ...

    def ring(self, customer_id: str) -> None:
        """The customer's slot has come: the gate looks at what it holds for them."""
        ...


class RunRecords:
    """The records of a run on this machine, in the memory twin of the tables; `keep` writes them back to their file."""

    def __init__(self, path: Path | None) -> None:
        self.path = path or last_run.STATE
        self.run = last_run.load(path)

    @property
    def name(self) -> str:
        return f"{self.path} ({self.run.command}: {self.run.title})"

    @property
    def now(self) -> datetime:
        return parse_iso(self.run.now)

    @property
    def identity_secret(self) -> str:
        return self.run.identity_secret

    @property
    def link_secret(self) -> str:
        return self.run.link_secret

    @property
    def public_base_url(self) -> str:
        return self.run.public_base_url

    @cached_property
    def tables(self) -> Tables:
        from simulator.memory.tables import MemoryTables

        twin = MemoryTables(lambda: self.now)
        _restore(twin, self.run)
        return twin

    @property
    def operator(self) -> str:
        return getpass.getuser()

    def keep(self) -> None:
        from simulator.memory.tables import MemoryTables

        assert isinstance(self.tables, MemoryTables)  # noqa: S101 - tells the type checker what `tables` made
        self.run.tables = {"customers": list(self.tables.items("customers")), "knowledge": list(self.tables.items("knowledge"))}
        self.run.save(self.path)

    def ring(self, customer_id: str) -> None:
        """The local cloud ended with its run, so it is opened once more on the run's records, for the gate and one minute."""
        from simulator.commands.world import opened

        with opened("memory", self.run.seed, self.now, switch=None) as world:
            _restore(world.cloud.tables, self.run)
            world.cloud.send("GateQueue", slot_body(customer_id, self.now), group=customer_id)
            world.cloud.advance(minutes=1)
            self.run.goes_on(world.kept(self.run.command, self.run.title))
        vars(self).pop("tables", None)
        self.run.save(self.path)


def _restore(twin: MemoryTables, run: LastRun) -> None:
    twin.restore("customers", run.tables.get("customers", ()))
    twin.restore("knowledge", run.tables.get("knowledge", ()))


def slot_body(customer_id: str, at: datetime) -> str:
    """What a customer's timer puts on the gate's queue."""
    return json.dumps({"slot": {"customer_id": customer_id, "at": iso(at)}})


def of(arguments: argparse.Namespace) -> Records:
    """The records that --stack or --state names. BadInput."""
    if arguments.stack:
        from simulator.commands.deployed import StackRecords

        return StackRecords(arguments.stack, SystemClock().now())
    return RunRecords(arguments.state)


@dataclass(frozen=True, slots=True)
class Found:
    """A customer with every message that was ever considered for them, the latest settled first."""

    customer: Customer
    messages: tuple[Message, ...]


def find(records: Records, who: str) -> Found:
    """A customer by id, e-mail address or order key (`<shop>:<order>`). BadInput."""
    customer_id = _customer_id(records, who)
    try:
        customer = with_archive(records.tables, customer_id)
    except CustomerUnknown:
        raise BadInput(
            f"customer {who}: nobody of that id, e-mail address or order key (<shop>:<order>) in {records.name}"
        ) from None
    except ValueError as error:
        raise BadInput(f"customer {who}: expected records of this version in {records.name}") from error
    messages = [*customer.held, *_settled(records, customer_id)]
    messages.sort(key=lambda message: (message.decisions[0].at, message.proposal.key))
    return Found(customer, tuple(messages))


def _settled(records: Records, customer_id: str) -> Iterator[Message]:
    for item in records.tables.partition("customers", f"CUSTOMER#{customer_id}", keys.LEDGER):
        yield ledger.message_from(item)


def _customer_id(records: Records, who: str) -> str:
    address = identity.email(who) if "@" in who else None
    if address:
        alias = keys.email_alias(identity.keyed_hash(records.identity_secret, address))
    elif ":" in who and len(who) <= LONGEST_ORDER:
        alias = keys.order_alias(who)
    else:
        # No other text is an id, and DynamoDB refuses some of it as a key.
        return who if re.fullmatch(r"[a-z0-9]{1,40}", who) else "nobody"
    item: Item | None = records.tables.read([alias]).get(alias)
    return str(item["customer_id"]) if item and "customer_id" in item else who
