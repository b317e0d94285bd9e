"""Carriers and parcel numbers in one spelling, because every sender has its own for the same parcel.

The spellings are those of the senders' carrier lists (Shopify `tracking_company`, EasyPost `carrier`, AfterShip `slug`, Ship24
`courierCode`, Karrio `carrier_name`); a carrier that is not listed keeps its own name in lower case.
"""

import re

LONGEST_NUMBER = 64
UNMISTAKABLE = 12
"""Signs from which a parcel number names one parcel whatever carrier is named with it: carriers hand parcels on and senders
spell carriers differently. Shorter ones are given out by several (UPS has 18 signs, USPS 20 to 22, FedEx 12, DHL Express 10)."""

_SPELLINGS: dict[str, tuple[str, ...]] = {
    "australia-post": ("australiapost", "auspost", "aupost"),
    "canada-post": ("canadapost", "capost"),
    "colissimo": ("colissimo", "laposte", "frpost"),
    "correios": ("correios", "correiosbrazil", "brazilcorreios", "brpost", "sedex"),
    "dhl": ("dhl", "dhlgermany", "dhlpaket", "deutschepost", "deutschepostdhl", "depost", "dhlparcel", "dhlde"),
    "dhl-ecommerce": ("dhlecommerce", "dhlglobalmail", "dhlecommerceus", "usdhlecommerce"),
    "dhl-express": ("dhlexpress", "dhlint"),
    "dpd": ("dpd", "dpduk", "dpdde", "dpdgermany", "dpduklocal"),
    "fedex": ("fedex", "fedexground", "fedexexpress", "federalexpress", "fedexsmartpost", "usfedex", "fedexweb"),
    "gls": ("gls", "glsgermany", "glsde", "generallogisticssystems"),
    "hermes": ("hermes", "hermesde", "hermesgermany", "hermesworld"),
    "evri": ("evri", "myhermesuk", "hermesuk"),
    "inpost": ("inpost", "inpostpaczkomaty"),
    "mondial-relay": ("mondialrelay",),
    "ontrac": ("ontrac",),
    "post-at": ("postat", "austrianpost", "oesterreichischepost", "atpost"),
    "postnl": ("postnl", "nlpost", "postnl3s", "postnlinternational"),
    "royal-mail": ("royalmail", "gbpost", "parcelforce"),
    "swiss-post": ("swisspost", "chpost", "postch"),
    "tnt": ("tnt", "tntexpress"),
    "ups": ("ups", "upsground", "unitedparcelservice", "usups", "upsmailinnovations", "upsdap"),
    "usps": ("usps", "uspost", "uspostalservice", "unitedstatespostalservice"),
    "yodel": ("yodel",),
}
_KNOWN = {spelling: name for name, spellings in _SPELLINGS.items() for spelling in spellings}
_NOT_A_SIGN = re.compile(r"[^A-Za-z0-9]+")
_NAMELESS = frozenset(("other", "unknown", "custom", "none", "na", "notavailable"))


def carrier(text: str | None) -> str | None:
    """The carrier's one name: lower-case letters, digits and hyphens, at most 40; None where the sender names none."""
    plain = (text or "").strip().lower()
    sign = _NOT_A_SIGN.sub("", plain)
    if not sign or sign in _NAMELESS:
        return None
    return _KNOWN.get(sign) or _NOT_A_SIGN.sub("-", plain).strip("-")[:40].rstrip("-")


def is_known(name: str) -> bool:
    """Whether this is one of the names in the list above, and not a sender's own."""
    return name in _SPELLINGS


_WRITTEN: dict[str, str] = {
    **{name: name.upper() for name in ("dhl", "dpd", "gls", "tnt", "ups", "usps")},
    "dhl-ecommerce": "DHL eCommerce",
    "dhl-express": "DHL Express",
    "fedex": "FedEx",
    "inpost": "InPost",
    "ontrac": "OnTrac",
    "post-at": "Österreichische Post",
    "postnl": "PostNL",
    "swiss-post": "Die Post (CH)",
}
"""Names that are not simply the words with capitals."""


def carrier_name(name: str) -> str:
    """A name of the list above as people write it."""
    return _WRITTEN.get(name) or name.replace("-", " ").title()


def parcel_number(text: str | None) -> str | None:
    """The number in capitals without spaces and other signs; None where there is none, or a link stands in its place."""
    if not text or "://" in text:
        return None
    number = _NOT_A_SIGN.sub("", text).upper()
    return number if 0 < len(number) <= LONGEST_NUMBER else None


def may_be_one(number: str, one: str | None, other: str | None) -> bool:
    """Whether a number told with these two carriers is one parcel: one or no carrier, or a number that cannot be mistaken."""
    return one is None or other is None or one == other or len(number) >= UNMISTAKABLE
