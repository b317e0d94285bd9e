"""A page as an HTTP answer: escaped, without any request to elsewhere, readable on a phone and without scripts."""

import base64
from collections.abc import Mapping
from functools import lru_cache
from hashlib import sha256
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from aws_lambda_powertools.event_handler import Response
from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment
from markupsafe import Markup

from aftercare.arrival import Window
from aftercare.brand import Palette, brand
from aftercare.carriers import carrier_name
from aftercare.clock import iso
from aftercare.language import Language, language, pick
from aftercare.places import zone_of
from customer_pages.words import Words, languages

PAGES = Path(__file__).parent / "pages"
HTML = "text/html; charset=utf-8"
NOBODY = "'none'"
PRIVATE: Mapping[str, str] = {
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
    "X-Robots-Tag": "none",
}
"""What every answer says that is about somebody: nobody keeps it, follows it or learns its address."""


def words_in(locale: str) -> Words:
    """The words that a reader of the locale gets, by the brand's fallback rule."""
    return pick(languages(), locale, brand().default_locale)


@lru_cache(maxsize=32)
def page_words(locale: str) -> Mapping[str, str]:
    """The words as the pages show them: with the brand's name where they have a place for it."""
    return {key: phrase.replace("{brand}", brand().name) for key, phrase in words_in(locale).words.items()}


def _colours(palette: Palette) -> str:
    return "".join(f"--{name}:{value};" for name, value in palette.model_dump(include=set(Palette.model_fields)).items())


@lru_cache(maxsize=1)
def _style() -> str:
    """The brand's colours, then the pages' own style."""
    colours = brand().colours
    css = "\n".join((PAGES / f"{part}.css").read_text(encoding="utf-8").strip() for part in ("page", "account"))
    dark = f"@media(prefers-color-scheme:dark){{:root{{{_colours(colours.dark)}}}}}"
    return f":root{{{_colours(colours)}}}{dark}\n{css}"


@lru_cache(maxsize=8)
def _headers(framed_by: str) -> dict[str, str]:
    """The style is the one thing inline, and its hash is the one that is allowed."""
    style = base64.b64encode(sha256(_style().encode()).digest()).decode()
    policy = f"default-src 'self'; style-src 'sha256-{style}'; base-uri 'none'; form-action 'self'; frame-ancestors {framed_by}"
    return {**PRIVATE, "Content-Security-Policy": policy}


def window_text(window: Window, words: Mapping[str, str], writes: Language, zone: ZoneInfo) -> str:
    """`Most likely Thursday 5 March to Saturday 7 March`, or as much of it as is known."""
    first, last = (writes.day(instant, zone) if instant else None for instant in window[:2])
    if first is None or last is None:
        return words["window_by" if last else "window_from"].format(day=last or first)
    kind = "likely" if window.likely else "window"
    return words[f"{kind}_on"].format(day=first) if first == last else words[f"{kind}_between"].format(first=first, last=last)


@lru_cache(maxsize=32)
def _environment(locale: str, country: str | None) -> ImmutableSandboxedEnvironment:
    environment = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(PAGES), autoescape=True, undefined=StrictUndefined, trim_blocks=True
    )
    writes, zone = language(locale), zone_of(country, brand().timezone)
    environment.filters["day"] = lambda instant: writes.date(instant, zone)
    environment.filters["soon"] = lambda instant: writes.day(instant, zone)
    environment.filters["time"] = lambda instant: writes.time(instant, zone)
    environment.filters["country"] = lambda code: words_in(locale).countries.get(code, code)
    environment.filters["channel"] = lambda name: words_in(locale).channels.get(name, name)
    environment.filters["carrier"] = carrier_name
    environment.filters["since"] = lambda instant: iso(instant)
    environment.filters["window"] = lambda window: window_text(window, page_words(locale), writes, zone)
    environment.filters["money"] = writes.money
    return environment


def written(template: str, locale: str, country: str | None = None, **values: Any) -> str:
    """A template's HTML. jinja2.UndefinedError when a value is missing: never a blank in front of a customer."""
    return (
        _environment(locale, country)
        .get_template(f"{template}.html")
        .render(
            locale=locale,
            words=page_words(locale),
            brand=brand(),
            style=Markup(_style()),  # noqa: S704 - our own file and checked colours, not data
            **values,
        )
    )


def page(
    status: int, template: str, locale: str, country: str | None = None, framed_by: str = NOBODY, **values: Any
) -> Response[str]:
    """Render one page; `framed_by` names the origins that may show it within theirs. jinja2.UndefinedError."""
    html = written(template, locale, country, **values)
    return Response(status_code=status, content_type=HTML, body=html, headers=dict(_headers(framed_by)))
