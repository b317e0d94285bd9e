"""Links that open for fifteen minutes, asked for on a page and sent to the e-mail on file: what was asked for and what was used.

A link that lies in a mailbox for months may lead to choices about messages, but not to all of a person's data: for that its
reader shows that the mailbox is theirs today.
"""

from datetime import datetime, timedelta
from typing import Literal

from pydantic import AwareDatetime

from aftercare import keys
from aftercare.links import LinkPurpose
from aftercare.model import Model, Term
from aftercare.retention import DAY
from aftercare.table import Absent, Condition, Is, Item, Put, Tables

OPEN_FOR = timedelta(minutes=15)
A_DAY = timedelta(days=1)
MOST = 6
"""So many are sent to one person in a day, whatever they are for: nobody fills another's mailbox by pressing a button."""


class Opens(Term):
    """What a fresh link opens."""

    ORDERS = "orders"
    EXPORT = "export"
    ERASE = "erase"


PURPOSES = {Opens.ORDERS: LinkPurpose.ORDERS, Opens.EXPORT: LinkPurpose.EXPORT, Opens.ERASE: LinkPurpose.ERASE}

Standing = Literal["open", "used", "replaced"]


class FreshLink(Model):
    """One link that was asked for. `ref` is what its token is about."""

    ref: str
    opens: Opens
    asked_at: AwareDatetime
    used_at: AwareDatetime | None = None


class FreshLinks(Model):
    """Those of the last day, the oldest first."""

    version: int = 0
    links: tuple[FreshLink, ...] = ()

    def newest(self, opens: Opens) -> FreshLink | None:
        return next((link for link in reversed(self.links) if link.opens is opens), None)

    def waiting(self, opens: Opens, now: datetime) -> FreshLink | None:
        """The link of this kind that was asked for a short while ago and not used: no other is sent beside it."""
        link = self.newest(opens)
        return link if link and link.used_at is None and now < link.asked_at + OPEN_FOR else None

    def is_full(self, now: datetime) -> bool:
        return len([link for link in self.links if now < link.asked_at + A_DAY]) >= MOST

    def standing(self, opens: Opens, ref: str) -> Standing:
        """Whether the link of that reference still opens: the newest of its kind, once."""
        link = self.newest(opens)
        if link is None or link.ref != ref:
            return "replaced"
        return "used" if link.used_at else "open"

    def asked(self, opens: Opens, ref: str, now: datetime) -> "FreshLinks":
        recent = (link for link in self.links if now < link.asked_at + A_DAY)
        return self.model_copy(update={"links": (*recent, FreshLink(ref=ref, opens=opens, asked_at=now))})

    def used(self, ref: str, now: datetime) -> "FreshLinks":
        after = (link.model_copy(update={"used_at": now}) if link.ref == ref else link for link in self.links)
        return self.model_copy(update={"links": tuple(after)})


def read(tables: Tables, customer_id: str) -> FreshLinks:
    """Throttled."""
    place = keys.customer(customer_id, keys.FRESH)
    item = tables.read([place]).get(place)
    return FreshLinks.model_validate_json(str(item["doc"])) if item else FreshLinks()


def write(customer_id: str, after: FreshLinks, now: datetime) -> Put:
    """The write of links that have moved on by one version; it fails when somebody else was faster."""
    when: Condition = Is("version", after.version) if after.version else Absent()
    moved = after.model_copy(update={"version": after.version + 1})
    item: Item = {"doc": moved.to_json(), "version": moved.version, "expires_at": DAY.ends(now)}
    return Put(keys.customer(customer_id, keys.FRESH), item, when=when)
