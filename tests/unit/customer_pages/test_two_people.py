"""A link opens one thing of one person: not for another purpose, not of another person, and not once a character is changed.

Routes, purposes and the fields of forms are taken from what is deployed, so that a new one is looked at here without being named.
"""

import base64
import json
import re
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlencode

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from aftercare import fresh_links, keys
from aftercare.clock import iso
from aftercare.consent import Channel, Purpose
from aftercare.fresh_links import FreshLink, FreshLinks, Opens
from aftercare.links import BadLink, Link, LinkPurpose, read_keys, sign, verify
from aftercare.media import Repost
from aftercare.store import versioned
from customer_pages import handler, routes
from simulator.commands.world import PARAMETERS
from simulator.template import load
from tests.a_life import addresses, live, tell
from tests.examples import tries
from tests.small_outside import SECRETS, START, Context

PAGES = Path(handler.__file__).parent / "pages"
TEMPLATE = load(PAGES.parents[2] / "template.yaml", PARAMETERS)
OURS = {function.arn for function in TEMPLATE.functions.values() if function.package == "customer_pages"}
ROUTES = sorted(
    (route.method, route.path.replace("{token}", "<token>"))
    for api in TEMPLATE.apis
    for route in api.routes
    if "{token}" in route.path and route.function_arn in OURS
)
"""What a link can be put to: the deployed routes."""

LINK_KEYS = read_keys(SECRETS["link"])
ENDS = int((START + timedelta(days=60)).timestamp())
CLOSED = {404, 410}
property_of = settings(
    max_examples=tries(300), deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture]
)


def token(purpose, customer_id, about):
    return sign(LINK_KEYS, purpose, Link(customer_id, about, ENDS))


def ask(method, rule, text, form=None):
    path = rule.replace("<token>", text)
    event = {
        "version": "2.0",
        "routeKey": f"{method} {rule.replace('<token>', '{token}')}",
        "rawPath": path,
        "rawQueryString": "",
        "headers": {"content-type": "application/x-www-form-urlencoded"},
        "requestContext": {"stage": "$default", "requestId": "r", "http": {"method": method, "path": path}},
        "pathParameters": {"token": text},
        "isBase64Encoded": True,
        "body": base64.b64encode(urlencode(form or {}).encode()).decode(),
    }
    return handler.handle(event, Context())


class Person:
    """Somebody who lived (tests/a_life.py): what a link of theirs may be about, and what shows that a text is of them."""

    def __init__(self, small, name, shop="example"):
        self.name, self.order = name, f"{shop}:{name}-1"
        self.id = live(small, name, shop)
        tell("ReturnRequested", shop, ref=f"RET-{name}", order_ref=f"{name}-1", occurred_at=iso(small.clock.now()))
        tell(
            "MediaShared",
            shop,
            ref=f"PIC-{name}",
            order_ref=f"{name}-1",
            customer_ref=f"C-{name}",
            url=f"https://photos.example/{name}",
        )
        counted = versioned(keys.repost(self.id, f"{shop}:PIC-{name}"), Repost(version=1, counted_at=START).to_json(), 0)
        small.tables.twin.write([counted])
        email, phone = addresses(name)
        self.message = keys.message_id(f"order-confirmation#{self.order}")
        self.held = keys.message_id(f"reorder-reminder#{self.order}")
        mailbox = small.email_hash(email)
        purposes = [f"email:{purpose}" for purpose in Purpose]
        self.abouts = (
            "",
            self.order,
            f"{self.order}#RET-{name}",
            f"{self.order}|coffee|again",
            f"{shop}:PIC-{name}",
            f"x:{self.message}",
            self.message,
            f"{mailbox}:reorder",
            email,
            self.id,
            *purposes,
        )
        self.signs = (f"photos.example/{name}", email, phone, self.id, f"{name.title()} Beispiel", self.order, f"#{name}-1")
        asked = tuple(FreshLink(ref=self.id, opens=opens, asked_at=small.clock.now()) for opens in Opens)
        small.tables.twin.write([fresh_links.write(self.id, FreshLinks(links=asked), small.clock.now())])
        self.references = (self.order, f"{name}-1", self.message, self.held, email, phone, self.id, f"S-{name}", f"C-{name}")

    def items(self, small):
        return [item for item in small.items() if self.id in str(item["pk"]) or item.get("customer_id") == self.id]


@pytest.fixture
def anna(small):
    return Person(small, "anna")


@pytest.fixture
def ben(small, anna):
    return Person(small, "ben")


def opens(method, rule, purpose, person):
    """Whether a link for a purpose, whatever it is about, opens a route for its person."""
    tokens = (token(purpose, person.id, about) for about in person.abouts)
    return any(ask(method, rule, text, {"message": person.message})["statusCode"] not in CLOSED for text in tokens)


@pytest.mark.parametrize(("method", "rule"), ROUTES, ids=[" ".join(route) for route in ROUTES])
def test_a_route_opens_for_one_purpose_and_for_every_other_nothing_is_shown_or_written(small, anna, method, rule):
    opened = [purpose for purpose in LinkPurpose if opens(method, rule, purpose, anna)]
    assert len(opened) == 1
    before = small.untouched()
    for purpose in LinkPurpose:
        for about in anna.abouts:
            if purpose is not opened[0]:
                answer = ask(method, rule, token(purpose, anna.id, about), {"message": anna.message})
                assert answer["statusCode"] in CLOSED
                assert [sign for sign in anna.signs if sign in answer["body"]] == []
    assert small.untouched() == before


def test_every_purpose_opens_a_route_and_every_route_is_known(small, anna):
    assert {rule for _, rule in ROUTES} >= {"/o/<token>", "/p/<token>", "/u/<token>", "/c/<token>", "/k/<token>"}
    assert {p for p in LinkPurpose for method, rule in ROUTES if method == "GET" and opens(method, rule, p, anna)} == set(
        LinkPurpose
    )
    assert routes.ROUTED


def fields():
    """The names of all fields that a page's form may have."""
    texts = "\n".join(file.read_text(encoding="utf-8") for file in sorted(PAGES.glob("*.html")))
    named = set(re.findall(r'<(?:input|select|textarea|button)[^>]* name="([^"{]+)"', texts))
    return sorted({*named, "line-1", *(f"{channel}-{purpose}" for channel in Channel for purpose in Purpose)})


@property_of
@given(data=st.data())
def test_no_link_of_one_person_opens_or_changes_anything_of_another(two, data):
    """Whatever a link of Anna's is about, and whatever a form sent to it says: nothing of Ben is shown or changed."""
    small, anna, ben = two
    method, rule = data.draw(st.sampled_from(ROUTES))
    purpose = data.draw(st.sampled_from(list(LinkPurpose)))
    about = data.draw(st.sampled_from((*ben.abouts, *anna.abouts, *(f"x:{r}" for r in ben.references))))
    values = st.sampled_from((*ben.references, "on", "off", "no", "yes", "bad", "14", "weekly", "refund", "erase", "1"))
    form = data.draw(st.dictionaries(st.sampled_from(fields()), values, max_size=6))
    before = ben.items(small)
    answer = ask(method, rule, token(purpose, anna.id, about), form)
    # What a stranger typed themselves may be shown to them again; the name of who works at the desk stands in the link itself.
    typed = {*form.values(), *((about,) if purpose in (LinkPurpose.AGENT, LinkPurpose.DESK) else ())}
    assert [sign for sign in ben.signs if sign in answer["body"] and sign not in typed] == []
    assert ben.items(small) == before


@pytest.fixture
def two(small, anna, ben):
    return small, anna, ben


def test_the_fields_are_those_of_the_pages():
    assert {"message", "cue", "frequency", "pause", "wish", "reason", "all", "email-promotional"} <= set(fields())


# ---------------------------------------------------------------- the token itself

ids = st.from_regex(r"\A[a-z2-7]{1,26}\Z")
references = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=120)
instants = st.integers(int(START.timestamp()) + 1, 2**32 - 1)
links = st.builds(Link, ids, references, instants)


@property_of
@given(links, st.sampled_from(LinkPurpose), st.sampled_from(LinkPurpose))
def test_a_token_opens_what_it_was_signed_for_and_for_no_other_purpose(link, purpose, other):
    text = sign(LINK_KEYS, purpose, link)
    assert verify(LINK_KEYS, purpose, text, START) == link
    if other is not purpose:
        with pytest.raises(BadLink):
            verify(LINK_KEYS, other, text, START)


@property_of
@given(links, st.sampled_from(LinkPurpose), st.data())
def test_a_changed_token_opens_nothing_else(link, purpose, data):
    """Any edit of its characters or bytes: it is refused, or it is another spelling of the very same bytes."""
    text = sign(LINK_KEYS, purpose, link)
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_+/=. \n\0é"
    edited = list(text)
    for _ in range(data.draw(st.integers(1, 3))):
        place = data.draw(st.integers(0, max(len(edited) - 1, 0)))
        what = data.draw(st.sampled_from(("replace", "insert", "remove", "cut", "twice")))
        letter = data.draw(st.sampled_from(letters))
        edited = {
            "replace": [*edited[:place], letter, *edited[place + 1 :]],
            "insert": [*edited[:place], letter, *edited[place:]],
            "remove": [*edited[:place], *edited[place + 1 :]],
            "cut": edited[:place],
            "twice": [*edited, *edited],
        }[what]
    for other in LinkPurpose:
        try:
            found = verify(LINK_KEYS, other, "".join(edited), START)
        except BadLink:
            continue
        assert (found, other) == (link, purpose)


@property_of
@given(links, st.sampled_from(LinkPurpose), st.integers(0, 255), st.integers(0, 255), st.data())
def test_no_byte_of_a_token_can_be_exchanged(link, purpose, byte, other, data):
    raw = bytearray(base64.urlsafe_b64decode(sign(LINK_KEYS, purpose, link) + "==="))
    place = data.draw(st.integers(0, len(raw) - 1))
    if raw[place] == byte:
        return
    raw[place] = byte
    text = base64.urlsafe_b64encode(bytes(raw)).decode().rstrip("=")
    for tried in LinkPurpose:
        with pytest.raises(BadLink):
            verify(LINK_KEYS, tried, text, START)


@property_of
@given(links, links, st.sampled_from(LinkPurpose))
def test_the_parts_of_two_tokens_make_no_third(one, two_, purpose):
    """Anna's signed head with Ben's seal, or one body behind the other's head, is nobody's token."""
    a, b = (base64.urlsafe_b64decode(sign(LINK_KEYS, purpose, link) + "===") for link in (one, two_))
    for raw in (a[:-16] + b[-16:], b[:-16] + a[-16:], a[:6] + b[6:], b[:6] + a[6:]):
        if raw in (a, b):
            continue
        with pytest.raises(BadLink):
            verify(LINK_KEYS, purpose, base64.urlsafe_b64encode(raw).decode().rstrip("="), START)


@property_of
@given(links, st.sampled_from(LinkPurpose), st.text(min_size=1, max_size=40).filter(lambda text: not text.startswith("{")))
def test_a_token_of_another_store_is_none_here(link, purpose, secret):
    ours = read_keys(json.dumps({"keys": {"1": "the secret of this store"}}))
    if secret != "the secret of this store":
        with pytest.raises(BadLink):
            verify(ours, purpose, sign(read_keys(secret), purpose, link), START)
