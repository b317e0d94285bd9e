"""The store's brand, content/brand.yaml: who writes, how it sounds and looks, where a reader finds help.

`ContentError` names file, field and what was expected. One file feeds every message and page.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from pathlib import Path
from string import Formatter
from typing import Annotated, Literal, get_args
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from aftercare import identity
from aftercare.consent import Channel, Purpose
from aftercare.content import read_content
from aftercare.customer import OrderLine, ReturnOutcome
from aftercare.language import Line, Lists, Locale, Texts, Urls, reader_locale
from aftercare.model import Model
from aftercare.money import Money
from aftercare.weblink import LONGEST, Https, encoded

Colour = Annotated[str, StringConstraints(pattern=r"^#[0-9a-fA-F]{6}$")]
ListId = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9]([A-Za-z0-9-]*\.)+[A-Za-z0-9-]+$", max_length=200)]
ToneWord = Literal["formal", "plain", "friendly", "warm", "playful"]
TONES: tuple[str, ...] = get_args(ToneWord)
ToneName = Literal["formal", "friendly", "technical", "empathetic"]
"""The tones that messages may have words in; `ToneWord` is the scale on which a brand says how far it goes."""


def _address(text: str) -> str:
    if identity.email(text) is None or not text.isascii():
        raise ValueError("expected an e-mail address that a human reads")
    if re.match(r"(?i)(no|do-?not)[-_.]?reply", text):
        raise ValueError("expected a mailbox that a human reads, not a no-reply address")
    return text


def _zone(name: str) -> str:
    try:
        ZoneInfo(name)
    except (ValueError, LookupError) as error:
        raise ValueError("expected an IANA zone such as Europe/Berlin") from error
    return name


class Palette(Model):
    """The colours of one mode."""

    page: Colour
    card: Colour
    text: Colour
    muted: Colour
    line: Colour
    tint: Colour
    accent: Colour
    on_accent: Colour


class Colours(Palette):
    dark: Palette


class Logo(Model):
    url: Https
    width: Annotated[int, Field(ge=16, le=536)]


class Signature(Model):
    name: Line
    role: Texts


class Support(Model):
    """`short` is the page's address in a text message, where every letter is paid for."""

    page: Https
    short: Annotated[Https, Field(max_length=40)] | None = None
    chat: Https | None = None
    phone: Annotated[str, StringConstraints(pattern=r"^\+[0-9][0-9 ]{5,20}$")] | None = None
    hours: Texts


class ReorderLink(Model):
    """How a basket is filled by a link: `{items}` in `url`, each made of `item`."""

    url: str
    item: str = "{sku}:{quantity}"
    separator: Annotated[str, StringConstraints(pattern=r"^[,;|&~+.-]?$")] = ","

    @model_validator(mode="after")
    def _only_known_placeholders(self) -> "ReorderLink":
        for field, text, known in (("url", self.url, {"items"}), ("item", self.item, {"sku", "product", "variant", "quantity"})):
            found = {name for _, name, _, _ in Formatter().parse(text) if name is not None}
            if not found <= known:
                raise ValueError(f"{field}: expected only {', '.join(sorted('{' + k + '}' for k in known))}")
        if "{items}" not in self.url or not self.url.startswith("https://"):
            raise ValueError("url: expected an https address with {items} in it")
        return self

    def takes(self, line: OrderLine) -> bool:
        """Whether a line tells what its item needs."""
        return all(value for name, value in _named(line).items() if f"{{{name}}}" in self.item)

    def of(self, line: OrderLine) -> str:
        """A line as one item. No character of what a sender named it by can end the item or the address."""
        named = {name: encoded(value or "") for name, value in _named(line).items()}
        return self.item.format(**named, quantity=max(line.quantity, 1))


def _named(line: OrderLine) -> dict[str, str | None]:
    return {"sku": line.sku, "product": line.product_ref, "variant": line.variant_ref}


class Shop(Model):
    """A shop's own pages. `payment` is where customers change how they pay; without one the help page stands in for it."""

    url: Https
    tutorials: Https
    payment: Https | None = None
    reorder: ReorderLink

    def reorder_url(self, lines: Sequence[OrderLine]) -> str:
        """The basket filled with what was ordered; the shop's own address where the lines do not tell what they are."""
        return self.basket_url(self.reorder.url, lines)

    def basket_url(self, template: str, lines: Sequence[OrderLine]) -> str:
        """An address with {items} in it, filled with lines; the shop's own where the lines do not tell what they are."""
        items = [self.reorder.of(line) for line in lines if self.reorder.takes(line)]
        while items:
            url = template.format(items=self.reorder.separator.join(items))
            if len(url) <= LONGEST:
                return url
            items.pop()
        return self.url


class ReturnTerms(Model):
    """How long goods may come back, counted from their arrival, and what it costs. No fee: free of charge."""

    days: Annotated[int, Field(ge=0, le=3650)]
    fee: Money | None = None


Country = Annotated[str, StringConstraints(pattern=r"^[A-Z]{2}$")]


class CountryTerms(ReturnTerms):
    """Terms that a country may have otherwise, then in whole."""

    by_country: dict[Country, ReturnTerms] = Field(default_factory=dict)

    def there(self, country: str | None) -> ReturnTerms:
        return self.by_country.get(country or "", self)


class Returns(CountryTerms):
    """What may come back and what for: the one source for messages, pages and the store's checkout.

    A product family of `by_family` has its own terms in whole, for every country. `outcomes` is what a customer may choose to
    get; in the countries of `in_store` goods may also be brought to a shop, which reads the return's code.
    """

    page: Https
    by_family: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9-]{0,63}$")], CountryTerms] = Field(
        default_factory=dict
    )
    outcomes: Annotated[tuple[ReturnOutcome, ...], Field(min_length=1)] = ("refund",)
    in_store: tuple[Country, ...] = ()

    def terms(self, country: str | None, families: Iterable[str] = ()) -> ReturnTerms:
        """The terms that hold for all of these families together: the shortest time, and the highest fee, which is taken once."""
        each = [self.by_family.get(family, self).there(country) for family in families] or [self.there(country)]
        fees = [terms.fee for terms in each if terms.fee]
        return ReturnTerms(days=min(terms.days for terms in each), fee=max(fees, key=lambda fee: fee.amount, default=None))


class Tone(Model):
    least: ToneWord
    most: ToneWord
    exclamation_marks: Annotated[int, Field(ge=0, le=10)] = 1
    address: Mapping[Locale, Literal["formal", "informal"]] = Field(default_factory=dict)
    business_tags: tuple[Line, ...] = ()

    @model_validator(mode="after")
    def _in_order(self) -> "Tone":
        if TONES.index(self.least) > TONES.index(self.most):
            raise ValueError(f"expected least before most in: {', '.join(TONES)}")
        return self


class WordChoice(Model):
    """Words never to be read in a message, and words to use with those they stand for."""

    avoid: tuple[Line, ...] = ()
    instead_of: Mapping[str, tuple[Line, ...]] = Field(default_factory=dict)


class Loyalty(Model):
    """How staying is rewarded, where the store rewards it: in a sentence, and point by point."""

    title: Texts
    text: Texts
    points: Lists
    url: Urls


class Brand(Model):
    """Everything of a message that is the store's and not the order's."""

    name: Annotated[str, StringConstraints(min_length=1, max_length=60, pattern=r"^[^\x00-\x1f\x7f<>\"@]+$")]
    legal_name: Line
    website: Https
    timezone: Annotated[str, AfterValidator(_zone)]
    locales: Annotated[tuple[Locale, ...], Field(min_length=1)]
    default_locale: Locale
    logo: Logo | None = None
    colours: Colours
    signature: Signature
    reply_to: Annotated[str, AfterValidator(_address)]
    support: Support
    shop: Shop
    shops: Mapping[str, Shop] = Field(default_factory=dict)
    returns: Returns
    loyalty: Loyalty | None = None
    legal: Texts
    lists: Mapping[Purpose, ListId]
    channels: tuple[Channel, ...] = (Channel.EMAIL,)
    tone: Tone
    words: Mapping[Locale, WordChoice] = Field(default_factory=dict)

    @model_validator(mode="after")
    def _complete(self) -> "Brand":
        if self.default_locale not in self.locales:
            raise ValueError(f"default_locale: expected one of locales: {', '.join(self.locales)}")
        missing = [p for p in Purpose if p is not Purpose.TRANSACTIONAL and p not in self.lists]
        if missing:
            raise ValueError(f"lists: expected a list for {missing[0]}")
        return self

    def shop_of(self, shop: str) -> Shop:
        return self.shops.get(shop, self.shop)

    def locale_for(self, country: str | None, *told: str | None) -> str:
        """The locale a reader is written to in: the first told one that is offered, else the country's, else the default."""
        return reader_locale(told, country, self.locales, self.default_locale)


@lru_cache(maxsize=1)
def brand() -> Brand:
    """The brand of this deployment, read once. ContentError."""
    return read_content(Path("brand.yaml"), Brand)
