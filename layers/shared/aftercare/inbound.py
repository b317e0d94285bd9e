"""What a person wrote that no keyword answers: kept for somebody at the store to read, for 90 days.

It lies with each customer whose number it came from, and goes with them. What nobody known has written is parked, found by its
number. Until somebody has read it, it stands on the due index.
"""

import json
from datetime import datetime
from typing import Annotated

from pydantic import AwareDatetime, Field

from aftercare import keys
from aftercare.clock import iso
from aftercare.consent import Channel
from aftercare.keys import Key
from aftercare.model import Model
from aftercare.retention import PAYLOAD
from aftercare.table import Change, Exists, Item, Put

DUE = "inbound"
SENDER = "inbound"
LONGEST = 4096
"""Characters; WhatsApp takes no more."""


class Written(Model):
    """One text: on which channel, from which number (E.164), when."""

    channel: Channel
    number: str
    at: AwareDatetime
    text: Annotated[str, Field(max_length=LONGEST)]


def place(customer_id: str, ref: str, at: datetime) -> Key:
    """Where a text lies: with its customer, or where nobody is known (no id) among what is parked."""
    return keys.inbound(customer_id, ref) if customer_id else keys.parked(SENDER, at, ref)


def keep(customer_id: str, ref: str, written: Written, now: datetime, *, new: bool) -> Put:
    """The write that keeps a customer's text; `new` where somebody has to read it here."""
    item: Item = {"doc": written.to_json(), "expires_at": PAYLOAD.ends(now)}
    due: Item = {"due_kind": DUE, "due_at": iso(written.at)} if new else {}
    return Put(place(customer_id, ref, written.at), {**item, **due})


def read(item: Item) -> Written:
    """The text that lies in an item of either place."""
    if "doc" in item:
        return Written.model_validate_json(str(item["doc"]))
    body = item["body"]
    return Written.model_validate(json.loads(body if isinstance(body, bytes) else str(body)))


def done(key: Key) -> Change:
    """The write that takes a text off the list: somebody has read it."""
    return Change(key, drop=("due_kind", "due_at"), when=Exists())
