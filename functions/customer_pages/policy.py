"""How long goods may come back and what that costs, for the store's checkout: public, cacheable, about nobody."""

import json
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from hashlib import sha256
from typing import Any
from urllib.parse import parse_qs

from aws_lambda_powertools.event_handler import Response

from aftercare.brand import ReturnTerms, brand
from aftercare.catalogue import Kind, catalogue
from aftercare.customer import OrderLine
from aftercare.language import language
from aftercare.outside import Outside, current
from customer_pages.origins import framed_by, shared
from customer_pages.render import HTML, page_words, written
from customer_pages.request import Answer, app, headers
from customer_pages.words import languages

JSON = "application/json"
KEPT = "public, max-age=900"
"""A store that changes its terms waits so long until all of its checkouts say so."""

MOST = 50
LONGEST = 128
FIELDS = {
    "country": "two capital letters (ISO 3166-1), such as DE",
    "product": f"a product's id or SKU of 1 to {LONGEST} letters; at most {MOST}, each as a field of its own",
    "type": f"the products' type of 1 to {LONGEST} letters, once",
    "locale": "a language of ours",
}


class BadQuery(ValueError):
    """The query does not say what it must; the text is the field."""


@dataclass(frozen=True, slots=True)
class Query:
    """What is asked for. No product: what holds for what has no terms of its own."""

    country: str
    products: tuple[str, ...]
    kind: str | None
    locale: str


@app.get("/policy/returns.json")
def returns_json() -> Response[str]:
    return _answered(JSON)


@app.get("/policy/returns.html")
def returns_html() -> Response[str]:
    return _answered(HTML)


def _answered(content_type: str) -> Response[str]:
    outside = current()
    try:
        query = read(str(app.current_event.raw_event.get("rawQueryString") or ""))
    except BadQuery as problem:
        field = str(problem)
        body = {"error": {"field": field, "expected": FIELDS.get(field, f"one of {', '.join(FIELDS)}")}}
        return Response(400, JSON, json.dumps(body), headers={**_headers(outside), "Cache-Control": "no-store"})
    told = terms(query)
    if content_type == JSON:
        body_text = json.dumps(told, ensure_ascii=False)
    else:
        body_text = written("policy", query.locale, query.country, told=told).strip()
    return _cached(outside, content_type, body_text)


def _headers(outside: Outside) -> dict[str, str]:
    return {
        **shared(outside),
        "X-Content-Type-Options": "nosniff",
        "Content-Security-Policy": f"default-src 'none'; base-uri 'none'; frame-ancestors {framed_by(outside)}",
    }


def _cached(outside: Outside, content_type: str, body: str) -> Answer:
    tag = f'"{sha256(body.encode()).hexdigest()[:20]}"'
    kept = {**_headers(outside), "Cache-Control": KEPT, "ETag": tag}
    if tag in re.findall(r'"[^"]*"', headers().get("if-none-match", "")):
        return Response(304, content_type, "", headers=kept)
    return Response(200, content_type, body, headers=kept)


def read(query: str) -> Query:
    """BadQuery. What is not named here is refused too: a field that is spelled wrong would silently mean the default."""
    try:
        given = parse_qs(query, keep_blank_values=True, strict_parsing=bool(query), max_num_fields=MOST + len(FIELDS))
    except ValueError:
        raise BadQuery("product" if query.count("product=") > MOST else "query") from None
    for field in given:
        if field not in FIELDS:
            # Somebody else's text is named only where it could be a name.
            raise BadQuery(field if re.fullmatch(r"[a-z_]{1,30}", field) else "query")
    country, kind, products = (given.get(field, []) for field in ("country", "type", "product"))
    if len(country) != 1 or not re.fullmatch(r"[A-Z]{2}", country[0]):
        raise BadQuery("country")
    if len(products) > MOST or not all(_named(one) for one in products):
        raise BadQuery("product")
    if len(kind) > 1 or not all(_named(one) for one in kind):
        raise BadQuery("type")
    return Query(country[0], tuple(dict.fromkeys(products)), next(iter(kind), None), _locale(given.get("locale", []), country[0]))


def _named(text: str) -> bool:
    return 0 < len(text) <= LONGEST and text.isprintable()


def _locale(told: Sequence[str], country: str) -> str:
    """The locale asked for, else the country's. Never the browser's: one address has one answer, whoever keeps it."""
    languages_here = {locale.partition("-")[0] for locale in languages()}
    if len(told) > 1 or any(not re.fullmatch(r"[a-z]{2,3}([-_][A-Z]{2})?", one) or one[:2] not in languages_here for one in told):
        raise BadQuery("locale")
    return brand().locale_for(country, *told)


def terms(query: Query) -> Mapping[str, Any]:
    """What holds for all products asked for together, for each of them, and the same in a sentence."""
    goods, ours = catalogue(), brand().returns
    families = {product: goods.family_of(_line(product, query.kind)) for product in query.products}
    if not families and query.kind:
        families = {"": goods.family_of(_line(None, query.kind))}
    found = ours.terms(query.country, [family.name for family in families.values()])
    digital = bool(families) and all(Kind.SOFTWARE in family.kinds for family in families.values())
    return {
        "country": query.country,
        **_written(found),
        "counted_from": "order" if digital else "delivery",
        "outcomes": list(ours.outcomes),
        "in_store": query.country in ours.in_store,
        "products": [
            {"product": product, "family": family.name, **_written(ours.terms(query.country, [family.name]))}
            for product, family in families.items()
            if product
        ],
        "text": sentence(found, digital, query.locale),
        "locale": query.locale,
        "page": ours.page,
    }


def _line(product: str | None, kind: str | None) -> OrderLine:
    return OrderLine(line_ref="-", product_ref=product, sku=product, product_type=kind, title="-", quantity=1)


def _written(found: ReturnTerms) -> dict[str, Any]:
    return {"days": found.days, "fee": found.fee.model_dump(mode="json") if found.fee else None}


def sentence(found: ReturnTerms, digital: bool, locale: str) -> str:
    """The terms as a customer reads them before and after buying: the same words."""
    words = page_words(locale)
    if not found.days:
        return words["returns_none"]
    window = words["returns_digital" if digital else "returns_goods"].format(days=found.days)
    if digital:
        return window
    return f"{window} {cost(found, locale)}"


def cost(found: ReturnTerms, locale: str) -> str:
    if found.fee is None:
        return page_words(locale)["returns_free"]
    return f"{page_words(locale)['returns_fee']} {language(locale).money(found.fee)}"
