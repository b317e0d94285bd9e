"""What each kind of buyer hears: messages of its own, in order, within limits, and nothing once they are another kind."""

from dataclasses import replace
from datetime import timedelta
from types import MappingProxyType

import pytest

from aftercare.behaviour import Behaviour, day_of
from aftercare.brand import brand
from aftercare.catalogue import catalogue
from aftercare.consent import Channel, Purpose
from aftercare.content import ContentError, read_content
from aftercare.customer import OrderLine
from aftercare.decision import Message, State
from aftercare.learned import NOTHING
from aftercare.money import Money
from aftercare.proposal import Nothing, Unless
from aftercare.segment_policy import ROWS, SegmentPolicy, segment_policy
from aftercare.segments import Segments, segments_of
from aftercare.wishes import NEVER
from customer_segments.saying import Because, entered, key_of, looked_up, next_order, next_wait, pairs, say
from message_gate.channel_choice import choose
from message_gate.channel_policy import channel_policy
from message_gate.evaluation.check import preview
from tests.builders import NOON, a_customer, an_order

POLICY, GOODS = segment_policy(), catalogue()


def bag(number=1, days=0, total="20", product_type="Camera", **more):
    line = OrderLine(line_ref="1", title="Thing", quantity=1, product_type=product_type, sku="X-1")
    placed = NOON - timedelta(days=days)
    return an_order(str(number), lines=(line,), placed_at=placed, as_of=placed, total=Money(amount=total, currency="EUR"), **more)


def decided(customer, row, name, heard=(), now=NOON, taps=MappingProxyType({})):
    return say(customer, row, name, heard, POLICY, GOODS, now, "e1", "c1", taps)


KINDS = {
    "first-time": a_customer(bag()),
    "one-time": a_customer(bag()),
    "repeat": a_customer(bag(1), bag(2, 10)),
    "mid": a_customer(bag(1), bag(2, 10)),
    "occasional": a_customer(bag(1, 1), bag(2, 300)),
    "high-clv": a_customer(*(bag(n, n, "300") for n in range(6))),
    "high": a_customer(*(bag(n, n, "300") for n in range(6))),
}


@pytest.mark.parametrize("row", ROWS)
def test_somebody_of_each_kind_is_of_that_kind_and_hears_each_of_its_contents_once(row):
    customer = KINDS[row]
    assert row in segments_of(customer)
    for name in POLICY.rows[row].contents:
        made = decided(customer, row, name)
        assert made.purpose is POLICY.contents[name].purpose
        assert made.template == {"service": "segment-help", "promotional": "segment-offer"}[made.purpose]
        assert made.references["segment"] == row and Unless.SEGMENT_LEFT in made.unless
        assert decided(customer, row, name).key == made.key


def test_what_was_said_in_this_time_is_not_proposed_again_and_in_the_next_it_is():
    customer = KINDS["mid"]
    made = decided(customer, "mid", "bundle")
    heard = [Message(proposal=made, state=State.REFUSED, decisions=())]
    assert decided(customer, "mid", "bundle", heard) == Nothing(Because.SAID)
    assert decided(customer, "mid", "bundle", heard, NOON + timedelta(days=92)).key != made.key


@pytest.mark.parametrize("locale", ["en", "de"])
def test_each_kind_of_buyer_hears_another_message(locale):
    said = {}
    for row, known in POLICY.rows.items():
        for name in known.contents:
            template = decided(KINDS[row], row, name).template
            mail = preview(template, locale, f"{template}-{name}")
            said[row, name] = (mail["subject"], mail["text"])
    subjects, texts = zip(*said.values(), strict=True)
    assert len(set(subjects)) == len(subjects) == 13
    assert len(set(texts)) == len(texts)


def test_the_rows_say_what_the_kinds_are_for():
    assert POLICY.rows["first-time"].contents == ("welcome", "orientation", "loyalty", "community")
    assert POLICY.rows["repeat"].contents == ("thanks", "early-access")
    assert set(POLICY.rows["high-clv"].contents) == {"vip", "success-call", "priority"}
    assert POLICY.contents["incentive"].next_order and POLICY.rows["occasional"].contents == ("incentive",)
    assert POLICY.contents["related"].basket == "goes-with" and POLICY.contents["bundle"].valid_days
    assert POLICY.rows["one-time"].contents == ("guide",)


def test_a_row_goes_on_in_its_order_and_ends():
    customer, last, at = KINDS["first-time"], None, []
    while not isinstance(wait := next_wait(customer, "first-time", last, NOON, POLICY), Nothing):
        at.append((wait.at - NOON).days)
        last = wait.content
    assert at == sorted(at) == [POLICY.contents[name].after_days for name in POLICY.rows["first-time"].contents]
    assert next_wait(customer, "first-time", "gone", NOON, POLICY).because is Because.NO_SUCH_ROW


def test_an_incentive_comes_before_the_next_order_is_expected_and_a_newer_order_moves_it():
    customer = a_customer(bag(1, 0), bag(2, 200))
    expected = next_order(customer)
    assert (expected - NOON).days in range(170, 230)
    wait = next_wait(customer, "occasional", None, NOON, POLICY)
    assert wait.at == expected - timedelta(days=POLICY.contents["incentive"].lead_days)
    assert next_wait(a_customer(), "occasional", None, NOON, POLICY).because is Because.NO_FORECAST


def bought_with(waits, last="2026-03-02"):
    told = {"is": "occasional/mid", "orders": "2", "first": "2025-08-14", "last": last, "next": waits}
    customer = a_customer(bag(1, 0), bag(2, 200))
    return replace(customer, profile=customer.profile.model_copy(update={"bought": told}))


def test_the_day_is_the_one_that_was_noted_with_the_last_order_whatever_the_store_learns_later():
    customer = bought_with("20/100/300")
    waits = {next_wait(customer, "occasional", None, NOON + timedelta(days=n), POLICY) for n in (0, 7, 50)}
    (wait,) = waits
    assert wait.at.date().isoformat() == "2026-06-07", "a hundred days after the order, less three"
    assert wait.key.endswith("#2026-06-07")
    assert next_order(bought_with("20//")).date().isoformat() == "2026-03-22", "half of those like them never come"
    assert next_order(bought_with("//")) is None


def test_another_day_for_the_same_next_order_is_no_second_message():
    """What moves a day, a cancellation or another reading of an older record, moves the wait's key and not the message's."""
    early, late = (bought_with(waits) for waits in ("20/40/60", "20/44/60"))
    keys = {next_wait(customer, "occasional", None, NOON, POLICY).key for customer in (early, late)}
    assert len(keys) == 2
    at = NOON + timedelta(days=40)
    first, second = (say(c, "occasional", "incentive", (), POLICY, GOODS, at, "e", "c", {}) for c in (early, late))
    assert first.key == second.key


def test_only_rows_that_somebody_came_into_begin():
    assert entered(("first-time", "one-time"), ("repeat", "mid"), POLICY) == ("repeat", "mid")
    assert entered(("repeat", "mid"), ("repeat", "high"), POLICY) == ("high",)
    assert entered(("repeat", "mid"), ("other", "none"), POLICY) == ()


def test_a_row_says_no_more_than_it_may():
    customer, limits = KINDS["repeat"], POLICY.rows["repeat"].limits
    made = decided(customer, "repeat", "thanks")

    def message(state, days):
        at = NOON - timedelta(days=days)
        return Message(proposal=made.model_copy(update={"proposed_at": at}), state=state, decisions=())

    full = [message(State.SENT, 1)] * limits.at_most
    assert decided(customer, "repeat", "early-access", full).because is Because.ENOUGH
    assert decided(customer, "repeat", "early-access", [message(State.REFUSED, 1)] * 9).key
    assert decided(customer, "repeat", "early-access", [message(State.SENT, limits.in_days)] * 9).key
    places = looked_up(customer.id, "repeat", POLICY, NOON)
    assert len(places) == len(set(places)) <= 2 * len(POLICY.rows["repeat"].contents)


def test_what_is_said_again_has_a_key_for_each_time():
    early, thanks = POLICY.contents["early-access"], POLICY.contents["thanks"]
    assert key_of("c1", "early-access", early, NOON) != key_of("c1", "early-access", early, NOON + timedelta(days=95))
    assert key_of("c1", "thanks", thanks, NOON) == key_of("c1", "thanks", thanks, NOON + timedelta(days=900))


def test_a_related_offer_is_of_what_was_looked_at_and_never_of_what_they_have():
    plain = decided(KINDS["high"], "high", "related")
    (usual,) = [b.variant for b in plain.blocks if b.kind == "goes-with"]
    others = [n for n in GOODS.family("camera").cross_sells if n != usual and GOODS.add_ons[n].skus]
    looked = Behaviour(version=1, day=day_of(NOON), themes={f"+{others[0]}": "7"})
    customer = a_customer(*KINDS["high"].orders, behaviour=looked)
    assert [b.variant for b in decided(customer, "high", "related").blocks if b.kind == "goes-with"] == [others[0]]
    nothing = a_customer(*(bag(n, n, "300", "Mystery") for n in range(6)))
    assert decided(nothing, "high", "related").because is Because.NOTHING_GOES_WITH_IT


def test_a_rows_channels_come_before_the_stores_table_and_a_wish_before_them():
    usable, policy = (Channel.EMAIL, Channel.INBOX, Channel.PUSH), channel_policy()
    for row, known in POLICY.rows.items():
        first = choose(
            usable, "segment-offer", Purpose.PROMOTIONAL, policy, NOTHING, NOTHING, "aaaaaaaab", NOON, first=known.channels
        )
        if first.because != "explored":
            assert first.channels[0] is next(c for c in known.channels if c in usable), row
    wished = choose(
        usable, "segment-offer", Purpose.PROMOTIONAL, policy, NOTHING, NOTHING, "m", NOON, (Channel.EMAIL,), None, (Channel.PUSH,)
    )
    assert wished.channels[0] is Channel.EMAIL


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda told: told["rows"].pop("mid"), "rows: expected one each for"),
        (lambda told: told["rows"]["mid"]["contents"].append("nothing"), "expected names of contents, found nothing"),
        (lambda told: told["rows"]["mid"]["contents"].append("guide"), "expected what no other row says"),
        (
            lambda told: told["contents"].__setitem__("more", told["contents"]["guide"]),
            "contents.more: expected in one of the rows",
        ),
        (lambda told: told["contents"]["guide"].__setitem__("valid_days", 0), "valid_days"),
        (lambda told: told["contents"]["guide"]["text"].__setitem__("en", "{days} left"), "expected only plain text"),
        (lambda told: told["interest"].__setitem__("times", 1), "interest.times"),
        (lambda told: told["rows"]["first-time"]["contents"].reverse(), "in the order of their after_days"),
    ],
)
def test_a_table_that_is_not_as_it_must_be_is_refused_with_the_field(tmp_path, change, expected):
    import yaml

    told = segment_policy().model_dump(mode="json")
    told = {**told, "rows": {n: {**r, "contents": list(r["contents"])} for n, r in told["rows"].items()}}
    change(told)
    file = tmp_path / "segments.yaml"
    file.write_text(yaml.safe_dump(told))
    with pytest.raises(ContentError, match=r"segments\.yaml") as refused:
        read_content(file, SegmentPolicy)
    assert expected in str(refused.value)


def test_every_text_of_the_table_is_in_every_language_of_the_store():
    for name, content in POLICY.contents.items():
        for texts in (content.subject, content.title, content.text, content.button):
            assert set(texts) >= set(brand().locales), name


def test_who_is_nobodys_kind_has_no_row():
    assert POLICY.rows_of(Segments("other", "none")) == ()


# ---------------------------------------------------------------- what taps say


def unwanted(customer, name, until=NEVER):
    return replace(customer, wishes=customer.wishes.with_offer(name, until, NOON))


def test_of_two_that_fit_the_one_that_was_of_use_to_most_is_offered_and_taps_move_its_worth():
    first, second = pairs(KINDS["high"], "related", POLICY, GOODS, NOON)[:2]
    plain = decided(KINDS["high"], "high", "related")
    assert (plain.blocks[-1].family, plain.blocks[-1].variant) == first
    liked = decided(KINDS["high"], "high", "related", taps={second: (20.0, 20.0), first: (20.0, 0.0)})
    assert (liked.blocks[-1].family, liked.blocks[-1].variant) == second
    assert liked.value > plain.value
    shunned = decided(KINDS["first-time"], "first-time", "welcome", taps={("camera", "row-welcome"): (50.0, 0.0)})
    assert shunned.value <= decided(KINDS["first-time"], "first-time", "welcome").value


def test_what_is_not_for_somebody_is_not_offered_again_and_what_was_put_off_not_before_its_day():
    first, second = pairs(KINDS["high"], "related", POLICY, GOODS, NOON)[:2]
    assert decided(unwanted(KINDS["high"], first[1]), "high", "related").blocks[-1].variant == second[1]
    customer = KINDS["high"]
    for _, name in pairs(customer, "related", POLICY, GOODS, NOON):
        customer = unwanted(customer, name)
    assert decided(customer, "high", "related").because is Because.NOTHING_GOES_WITH_IT
    never = unwanted(KINDS["first-time"], "row-welcome")
    assert decided(never, "first-time", "welcome").because is Because.NOT_WANTED
    later = unwanted(KINDS["first-time"], "row-welcome", (NOON + timedelta(days=14)).date())
    assert decided(later, "first-time", "welcome", now=NOON + timedelta(days=13)).because is Because.NOT_WANTED
    assert decided(later, "first-time", "welcome", now=NOON + timedelta(days=14)).template == "segment-offer"
