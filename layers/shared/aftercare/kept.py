"""Every kind of item in both tables: whose it is, how long it is kept, and what erasure does with it. A kind that is not listed
here is a mistake.

What is a person's lies in one of four places, and each is looked through as a whole, so that nothing depends on knowing every
kind: their partition, their evidence, what names them by `customer_id` (the index `owner`), and parked bodies that mention
one of their addresses.
"""

from enum import StrEnum
from fnmatch import fnmatchcase
from typing import NamedTuple

from aftercare.keys import Key, TableName
from aftercare.retention import (
    ALERT,
    BEHAVIOUR,
    CASE,
    CHAT,
    DAY,
    EARLY,
    JOURNAL,
    KNOWLEDGE,
    MARK,
    NUMBER,
    OPEN,
    OWNED,
    PACE,
    PAYLOAD,
    PERSON,
    REFUSAL,
    STOCK,
    TALLY,
    WAIT,
    WAVE,
    Retention,
)


class Erasure(StrEnum):
    """What becomes of an item when the person is erased."""

    REMOVED = "removed"
    REDUCED = "reduced"
    STAYS = "stays"


class Found(StrEnum):
    """How the items of a person are found."""

    PARTITION = "in their partition"
    EVIDENCE = "in the partition of their evidence"
    OWNER = "by the index owner"
    MENTION = "by an address that it mentions"
    NOBODY = "it is nobody's"


class Kind(NamedTuple):
    """One kind of item. `pk` and `sk` are patterns, `kept` its classes of retention, `because` says why something stays."""

    name: str
    pk: str
    sk: str
    kept: tuple[Retention, ...]
    found: Found = Found.NOBODY
    erasure: Erasure = Erasure.STAYS
    because: str = ""
    table: TableName = "customers"


def _own(name: str, sk: str, *kept: Retention) -> Kind:
    return Kind(name, "CUSTOMER#*", sk, kept, Found.PARTITION, Erasure.REMOVED)


def _names(name: str, pk: str, *kept: Retention, sk: str = "-") -> Kind:
    return Kind(name, pk, sk, kept, Found.OWNER, Erasure.REMOVED)


def _nobodys(name: str, pk: str, because: str, *ends: Retention, sk: str = "-") -> Kind:
    return Kind(name, pk, sk, (KNOWLEDGE, *ends), because=because, table="knowledge")


KINDS: tuple[Kind, ...] = (
    _own("profile", "1#PROFILE", PERSON),
    Kind(
        "consent",
        "CUSTOMER#*",
        "1#CONSENT",
        (PERSON, MARK),
        Found.PARTITION,
        Erasure.REDUCED,
        "its version alone stays 30 days, so that a send that was decided before the erasure cannot be claimed after it",
    ),
    _own("wishes", "1#WISHES", PERSON),
    _own("caps", "1#CAPS", PERSON),
    _own("slot", "1#SLOT", JOURNAL),
    _own("learned", "1#LEARNED", PERSON),
    _own("feedback", "1#FEEDBACK", PERSON),
    _own("signals", "1#SIGNALS", PERSON),
    _own("behaviour", "1#BEHAVIOUR", BEHAVIOUR),
    _own("order", "1#ORDER#*", PERSON),
    _own("shipment", "1#SHIPMENT#*", PERSON),
    _own("held message", "1#HELD#*", JOURNAL),
    _own("case", "1#CASE#*", PERSON, CASE),
    _own("alert", "1#ALERT#*", ALERT),
    _own("message", "9#LEDGER#*", JOURNAL),
    _own("answer", "9#ANSWER#*", JOURNAL),
    _own("words", "9#WORDS#*", JOURNAL),
    _own("set-up", "9#SETUP#*", JOURNAL),
    _own("media", "9#MEDIA#*", PERSON),
    _own("repost", "9#REPOST#*", PERSON),
    _own("reorders", "9#REORDERS", PERSON),
    _own("archived order", "9#ARCHIVE#1#ORDER#*", PERSON),
    _own("archived shipment", "9#ARCHIVE#1#SHIPMENT#*", PERSON),
    _own("archived case", "9#ARCHIVE#1#CASE#*", PERSON, CASE),
    _own("wait", "9#WAIT#*", WAIT),
    _own("fresh links", "9#FRESH", DAY),
    _own("inbound text", "9#INBOUND#*", PAYLOAD),
    Kind(
        "erased",
        "CUSTOMER#*",
        "1#ERASED",
        (MARK,),
        Found.PARTITION,
        Erasure.STAYS,
        "it says that there is nobody here any more, for 30 days, to whatever is still under way; it holds a time and no name",
    ),
    Kind("evidence", "EVIDENCE#*", "*", (PERSON,), Found.EVIDENCE, Erasure.REMOVED),
    _names("e-mail alias", "ALIAS#email#*", PERSON),
    _names("account alias", "ALIAS#platform#*", PERSON),
    _names("order alias", "ALIAS#order#*", PERSON, EARLY),
    _names("shipment alias", "ALIAS#shipment#*", PERSON, EARLY),
    _names("subscription alias", "ALIAS#subscription#*", PERSON),
    _names("chat alias", "ALIAS#chat#*", CHAT),
    _names("phone owner", "PHONE#*", PERSON, sk="C#*"),
    _names("parcel alias", "PARCEL#*", PERSON, EARLY),
    _names("lesson", "LESSONS#*", JOURNAL, sk="L#*"),
    _names("customer of a shop", "SHOP#*", PERSON, OPEN, sk="*"),
    _names("owner of a product", "PRODUCT#*", OWNED, sk="OWNS#*"),
    _names("call", "CALLS#*", WAIT, sk="*"),
    _names("who asked for a product", "PRODUCT#*", ALERT, sk="ASKED#*"),
    Kind("parked body", "PARKED#*", "*", (PAYLOAD,), Found.MENTION, Erasure.REMOVED),
    Kind("mention", "MENTION#*", "*", (PAYLOAD,), Found.MENTION, Erasure.REMOVED),
    Kind(
        "request",
        "REQUEST#*",
        "-",
        (OPEN, JOURNAL),
        Found.OWNER,
        Erasure.REDUCED,
        "what was asked, when, by which law, and when it was answered: proof that it was. No name, no address, no id",
    ),
    Kind(
        "delivery",
        "DELIVERY#*",
        "-",
        (JOURNAL, BEHAVIOUR),
        because="that something came, when and from which sender, so that it is recorded once; relayed, it leads to nobody",
    ),
    Kind(
        "erased name",
        "ERASED#*",
        "-",
        (REFUSAL, JOURNAL, NUMBER),
        because="the keyed hash of a name that an erased person had: an address refuses marketing, the rest keeps late news out",
    ),
    Kind(
        "wave",
        "WAVE#*",
        "-",
        (WAVE,),
        because="how far a publication has come through its readers: a count, and until its end the random id of one of them",
        table="knowledge",
    ),
    Kind("tally", "TALLY#*", "T#*", (TALLY,), because="sums over all customers of a shop in a week", table="knowledge"),
    Kind(
        "report",
        "REPORT#*",
        "*",
        (TALLY,),
        because="what is told of a week: sums of enough customers, and words that enough of them used",
        table="knowledge",
    ),
    Kind(
        "retention",
        "RETENTION#*",
        "*",
        (TALLY,),
        because="how many of a shop's customers had come back in a week: sums over all of them",
        table="knowledge",
    ),
    Kind("publication", "PUBLICATION#*", "-", (JOURNAL,), because="a store's own words about products", table="knowledge"),
    Kind(
        "call budget",
        "CALLS#*",
        "-",
        (TALLY,),
        because="how many of a week's calls are given out, by hashes that lead to nobody",
        table="knowledge",
    ),
    _nobodys("wording", "WORDING#*", "a text of the store that people agreed to, by its hash; it names nobody"),
    _nobodys("setting", "SETTINGS", "the kill switch, the provider's quota, and which endpoints are closed", sk="*"),
    _nobodys("rate", "RATE#*", "shares of the sending rate"),
    _nobodys("cadence", "CADENCE", "sums over all customers"),
    _nobodys("response", "RESPONSE#*", "sums over all customers"),
    _nobodys("buyers", "BUYERS#*", "quantiles over all customers of a shop, and over a sample of what things cost", sk="*"),
    _nobodys("reading knowledge", "READING#*", "what many customers' answers taught about hashed words", sk="*"),
    _nobodys("media counts", "MEDIA#*", "how many pictures of a product were shared in a quarter", sk="*"),
    _nobodys("review knowledge", "REVIEWS#*", "sums over all requests for reviews", sk="*"),
    _nobodys("promised thanks", "PROMISED#*", "sums of a month over all customers", sk="*"),
    _nobodys("exposures", "EXPOSED#*", "how many messages showed each arm in a month", sk="*"),
    _nobodys("forecast knowledge", "DELAY#*", "sums over all parcels", PACE),
    _nobodys("reorder knowledge", "REORDER#*", "sums over all purchases"),
    Kind("out of stock", "STOCK#*", "-", (STOCK,), because="that a product cannot be sent at present", table="knowledge"),
)


def kind_of(key: Key) -> Kind | None:
    """The kind of the item that lies there; None for a place that the list does not have."""
    found = (k for k in KINDS if k.table == key.table and fnmatchcase(key.pk, k.pk) and fnmatchcase(key.sk, k.sk))
    return next(found, None)
