"""How long what is kept is kept: the classes of retention (rule H25). Each kind of item has one or two of them (aftercare.kept).

An item that ends carries its end in `expires_at`. From that instant it is absent for every read and every condition, on
both backends (aftercare.table): DynamoDB deletes what has expired days later.
"""

from datetime import datetime, timedelta
from typing import NamedTuple


class Retention(NamedTuple):
    """One class: so long after `since` an item is absent; `kept` None for what ends with the person, or never."""

    name: str
    kept: timedelta | None
    since: str

    def ends(self, since: datetime) -> int:
        """`expires_at` of an item whose time began then."""
        if self.kept is None:
            raise ValueError(f"what is kept as {self.name} has no set time")
        return int((since + self.kept).timestamp())


PERSON = Retention("person", None, "ends with the person: erasure removes it")
JOURNAL = Retention("journal", timedelta(days=400), "it was received, last settled, or answered")
PAYLOAD = Retention("payload", timedelta(days=90), "it was received")
CHAT = Retention("chat", timedelta(days=90), "the message was sent")
EARLY = Retention("early", timedelta(days=30), "the latest of the facts came that wait for what they are about")
OPEN = Retention("open", None, "ends when it is answered, or done")
CASE = Retention("case", timedelta(days=60), "the latest news of the case came, if it is closed")
WAIT = Retention("wait", timedelta(days=30), "the wait's own time")
"""The wait itself is over by then, retries and all."""

DAY = Retention("day", timedelta(days=1), "the last of the links was asked for or used")
ALERT = Retention("alert", timedelta(days=180), "the customer asked to hear of a product")
OWNED = Retention("owned", timedelta(days=3 * 365), "the order was told that has the product")
"""So long somebody is told of a product that they bought."""

BEHAVIOUR = Retention("behaviour", timedelta(days=90), "the last day on which the customer was seen in the store")

WAVE = Retention("wave", timedelta(days=90), "a publication's wave began")

MARK = Retention("mark", timedelta(days=30), "the person was erased")
"""Longer than anything can be under way: a queue and its dead letters keep a message for two weeks."""

NUMBER = Retention("number", timedelta(days=90), "the person was erased")
"""Carriers give a parcel's number to another parcel after some months: by then it must not be refused any more."""

TALLY = Retention("tally", timedelta(days=400), "the week began that it is about")

REFUSAL = Retention("refusal", None, "never ends: an erased address refuses marketing (GDPR 21(3))")
KNOWLEDGE = Retention("knowledge", None, "never ends: it is nobody's")
PACE = Retention("pace", None, "ends when no parcel of its weeks can teach or be foretold any more")
"""The end is a part of the key: the weeks' (shipping_delay.teaching.expires)."""

STOCK = Retention("stock", timedelta(days=60), "a product was said to be out of stock")
"""By then nobody remembers to say that it is there again."""

CLASSES = (
    PERSON,
    JOURNAL,
    PAYLOAD,
    CHAT,
    EARLY,
    OPEN,
    CASE,
    WAIT,
    DAY,
    ALERT,
    OWNED,
    BEHAVIOUR,
    STOCK,
    WAVE,
    MARK,
    NUMBER,
    TALLY,
    REFUSAL,
    KNOWLEDGE,
    PACE,
)
