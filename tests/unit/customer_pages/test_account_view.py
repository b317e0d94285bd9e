"""What an order's account shows, from the record alone: one word for where it is, few buttons, and no more than is known."""

from dataclasses import fields
from datetime import timedelta

import pytest

from aftercare.brand import brand
from aftercare.cases import Case
from aftercare.catalogue import catalogue
from aftercare.consent import Channel, ConsentRecord, Purpose, Says
from aftercare.customer import Charge, OrderLine, Refund, Return
from aftercare.decision import Decision, Message, Reason, State
from aftercare.money import Money
from aftercare.parcel_status import ShipmentStatus
from aftercare.shipment import DelayNotice, Log, Place
from aftercare.shipment_details import ShippedLine
from aftercare.wishes import Wishes
from customer_pages.account_view import MOST_BUTTONS, PLACES, Account, Own, Setting, account, state_of
from tests.builders import NOON, a_customer, a_proposal, an_order, consent_of, said
from tests.shipments import SHIPPED, a_forecast, a_log, a_parcel, a_shipment

DAY = timedelta(days=1)
LINKS = {name: Own(f"/{name}/t") for name in ("self", "return", "preferences", "cue")}
TRACKED = "https://track.example/1"


def line(ref="1", title="House espresso", quantity=1, **more):
    return OrderLine(**{"line_ref": ref, "title": title, "quantity": quantity, **more})


def shown(order, *shipments, now=NOON + 2 * DAY, letters=(), locale="en", **more):
    customer = a_customer(order, *more.pop("beside", ()), shipments=shipments, **more)
    return account(customer, order, letters, Setting(now, locale, brand(), catalogue(), LINKS))


def there(at=SHIPPED + DAY, **more):
    parcel = a_parcel(log=a_log(in_transit=SHIPPED, delivered=at), status=ShipmentStatus.DELIVERED, delivered_at=at)
    return a_shipment(parcel, **{"status": ShipmentStatus.DELIVERED, "delivered_at": at, **more})


def test_the_five_places_are_there_whatever_is_known():
    assert [f.name for f in fields(Account)][1:] == list(PLACES)
    bare = shown(an_order(lines=(), total=None, country=None))
    for place in PLACES:
        assert getattr(bare, place) is not None


# ---------------------------------------------------------------- confirm


@pytest.mark.parametrize(
    ("changes", "shipments", "word"),
    [
        ({}, (), "ordered"),
        ({"completed_at": NOON}, (), "sent"),
        ({"ready_for_pickup_at": NOON}, (), "to_fetch"),
        ({"lines": (line(requires_shipping=False),)}, (), "ready_now"),
        ({}, (a_shipment(status=ShipmentStatus.LABEL_CREATED, shipped_at=None),), "packed"),
        ({}, (a_shipment(status=ShipmentStatus.LABEL_CREATED),), "on_its_way"),
        ({}, (a_shipment(),), "on_its_way"),
        ({}, (a_shipment(status=ShipmentStatus.OUT_FOR_DELIVERY), a_shipment(ref="S-2")), "out_for_delivery"),
        ({}, (a_shipment(status=ShipmentStatus.DELAYED), a_shipment(ref="S-2")), "held_up"),
        ({}, (a_shipment(status=ShipmentStatus.RETURN_TO_SENDER),), "going_back"),
        ({}, (there(),), "delivered"),
        ({}, (there(), a_shipment(ref="S-2")), "on_its_way"),
        ({"cancelled_at": NOON}, (there(),), "cancelled"),
        ({"refunds": (Refund(ref="r", at=NOON, whole=True),)}, (there(),), "refunded"),
    ],
)
def test_one_word_says_where_the_order_is(changes, shipments, word):
    order = an_order(**changes)
    assert state_of(a_customer(order, shipments=shipments), order) == word


def test_there_are_never_more_than_two_large_buttons_and_help_is_always_one():
    url = {"url": TRACKED}
    one = a_shipment(a_parcel(log=a_log(in_transit=SHIPPED), **url))
    two = a_shipment(a_parcel(number="X2", log=a_log(in_transit=SHIPPED), **url), ref="S-2")
    shop = {"status_url": "https://shop.example/o"}
    for view, first in (
        (shown(an_order()), None),
        (shown(an_order(**shop)), "shop_page"),
        (shown(an_order(**shop), one), "track"),
        (shown(an_order(), one, two), "where"),
        (shown(an_order(), there()), "send_back"),
        (shown(an_order(cancelled_at=NOON, **shop)), None),
    ):
        words = [button.word for button in view.confirm.buttons]
        assert words == [*([first] if first else []), "help"]
        assert len(words) <= MOST_BUTTONS


def test_every_fee_and_discount_is_a_line_and_what_is_included_is_apart():
    def charge(kind, amount, label="x"):
        return Charge(kind=kind, label=label, amount=Money(amount=amount, currency="EUR"))

    fees = (charge("shipping", "4.90"), charge("tax_included", "7.63"), charge("fuel", "1.00", "Fuel\u202e surcharge"))
    confirm = shown(an_order(fees=fees, discounts=(charge("discount", "5.00"), charge("discount", "-2.00")))).confirm
    assert [(s.kind, str(s.amount.amount)) for s in confirm.sums] == [
        ("discount", "-5.00"),
        ("discount", "-2.00"),
        ("shipping", "4.90"),
        ("other", "1.00"),
    ]
    assert [s.kind for s in confirm.included] == ["tax_included"]
    assert confirm.sums[-1].label == "Fuel surcharge", "a sign that turns text around is left out"


def test_a_line_costs_what_all_of_it_costs():
    lines = (line(quantity=3, unit_price=Money(amount="23.90", currency="EUR")), line("2", quantity=0), line("3"))
    confirm = shown(an_order(lines=lines)).confirm
    assert [str(one.amount.amount) if one.amount else None for one in confirm.lines] == ["71.70", None]


def test_how_it_felt_is_asked_once_and_not_of_a_renewal():
    assert shown(an_order()).confirm.cue_url == LINKS["cue"]
    assert shown(an_order(cue="bad")).confirm.cue_url is None
    assert shown(an_order(is_renewal=True)).confirm.cue_url is None


# ---------------------------------------------------------------- inform


def test_a_parcel_is_expected_where_the_forecast_says_and_no_longer_once_it_is_there():
    forecast = a_forecast(p=(2.0, 3.0, 5.0))
    way = shown(an_order(), a_shipment(forecast=forecast)).inform.parcels[0]
    assert (way.window.first, way.window.last, way.window.likely) == (forecast.p10, forecast.p90, True)
    arrived = shown(an_order(), there(forecast=forecast)).inform.parcels[0]
    assert arrived.window is None
    late = shown(an_order(), a_shipment(forecast=forecast), now=forecast.p90 + 2 * DAY)
    assert late.inform.parcels[0].window is None, "a day that is over is not shown"


def test_the_whole_order_is_expected_from_the_first_parcel_to_the_last():
    sooner, later = (
        a_shipment(forecast=a_forecast(p=(1.0, 2.0, 3.0))),
        a_shipment(ref="S-2", forecast=a_forecast(p=(4.0, 5.0, 6.0))),
    )
    window = shown(an_order(), sooner, later).confirm.window
    assert (window.first, window.last) == (max(sooner.forecast.p10, NOON + 2 * DAY), later.forecast.p90)
    estimated = shown(an_order(estimated_from=NOON + 3 * DAY, estimated_until=NOON + 5 * DAY)).confirm.window
    assert (estimated.first, estimated.likely) == (NOON + 3 * DAY, False)
    assert shown(an_order(), there(forecast=a_forecast())).confirm.window is None


def test_milestones_are_in_the_order_of_their_times_and_silence_is_none():
    log = a_log(out_for_delivery=SHIPPED + DAY, label_created=NOON, stalled=SHIPPED, unknown=NOON, in_transit=SHIPPED)
    parcel = shown(an_order(), a_shipment(a_parcel(log=log))).inform.parcels[0]
    assert [m.word for m in parcel.milestones] == ["label_created", "in_transit", "out_for_delivery"]


def test_where_it_was_seen_last_is_shown_while_it_moves():
    place = Place(at=SHIPPED, country="DE", region="BE")
    log = Log(spans=a_log(in_transit=SHIPPED).spans, place=place)
    parcel = shown(an_order(), a_shipment(a_parcel(log=log))).inform.parcels[0]
    assert (parcel.seen_country, parcel.seen_region) == ("DE", "BE")
    arrived = there().model_copy(update={"log": log})
    assert shown(an_order(), arrived).inform.parcels[0].seen_country is None


def test_a_delay_that_was_told_and_stands_is_shown():
    notice = DelayNotice(at=NOON, arrives_by=NOON + 9 * DAY, days_from=1, days_to=2, because="area")
    assert shown(an_order(), a_shipment(notices=(notice,))).inform.parcels[0].late
    taken_back = notice.model_copy(update={"recovered_at": NOON})
    assert not shown(an_order(), a_shipment(notices=(taken_back,))).inform.parcels[0].late


def test_what_no_shipment_holds_is_still_to_be_sent():
    lines = (line("1", quantity=2), line("2", "Cup"), line("3", "Card", gift_card=True))
    part = a_shipment(lines=(ShippedLine(line_ref="1"),))
    inform = shown(an_order(lines=lines), part).inform
    assert [(w.title, w.quantity) for w in inform.waiting] == [("House espresso", 1), ("Cup", 1)]
    assert [p.title for p in inform.parcels[0].lines] == ["House espresso"]
    assert shown(an_order(lines=lines), a_shipment()).inform.waiting == (), "one that does not say may hold all"
    assert shown(an_order(lines=lines, cancelled_at=NOON), part).inform.waiting == ()


def test_an_address_that_is_no_https_leads_nowhere():
    strange = a_parcel(log=a_log(in_transit=SHIPPED)).model_copy(update={"url": "javascript:alert(1)"})
    view = shown(an_order(status_url=None).model_copy(update={"status_url": "http://shop.example"}), a_shipment(strange))
    assert view.inform.parcels[0].tracking_url is None
    assert view.secure.shop_url is None
    assert [b.word for b in view.confirm.buttons] == ["help"]


def a_letter(template, hours=0, order="example:1070", state=State.SENT, channel="email"):
    proposal = a_proposal(key=f"{template}#{order}", template=template, references={"order": order} if order else {})
    decision = Decision(at=NOON, state=state, reason=Reason.SENT)
    sent = NOON + timedelta(hours=hours) if state is State.SENT else None
    return Message(proposal=proposal, state=state, decisions=(decision,), channel=channel, sent_at=sent)


def test_messages_that_were_sent_about_this_order_are_there_the_newest_first():
    letters = (
        (a_letter("order-confirmation"), NOON),
        (a_letter("parcel-shipped", 30, channel="sms"), None),
        (a_letter("parcel-delivered", 60, order="example:2"), None),
        (a_letter("delivery-delayed", state=State.REFUSED), None),
        (a_letter("parcel-lost", state=State.UNKNOWN), None),
        (a_letter("consent-confirmation", order=None), None),
    )
    messages = shown(an_order(), letters=letters).inform.messages
    assert [(m.template, m.channel, m.read_at) for m in messages] == [
        ("parcel-shipped", "sms", None),
        ("order-confirmation", "email", NOON),
    ]


def test_who_has_chosen_a_channel_is_not_invited_again():
    assert not shown(an_order()).inform.chose_channel
    assert shown(an_order(), wishes=Wishes(channels=(Channel.SMS,))).inform.chose_channel


# ---------------------------------------------------------------- support


def test_help_is_always_there_and_knows_what_was_asked_about_this_order():
    asked = Case(ref="c1", order_key="example:1070", topic="damaged", opened_at=NOON)
    over = Case(ref="c2", order_key="example:1070", opened_at=NOON, closed_at=NOON + DAY)
    other = Case(ref="c3", order_key="example:2", opened_at=NOON)
    support = shown(an_order(), cases=(asked, over, other), locale="de-DE").support
    assert [(q.topic, q.answered_at) for q in support.questions] == [("damaged", None)]
    assert support.chat and support.phone and support.page
    assert "Montag" in support.hours


# ---------------------------------------------------------------- secure


def test_payment_says_what_was_paid_and_given_back():
    money = Money(amount="5.00", currency="EUR")
    refunds = (Refund(ref="b", at=NOON + DAY, amount=money), Refund(ref="a", at=NOON), Refund(ref="c", at=NOON, amount=money))
    secure = shown(an_order(paid_at=NOON, refunds=refunds)).secure
    assert (secure.paid_at, [given.at for given in secure.refunds]) == (NOON, [NOON, NOON + DAY])
    assert secure.payment_url is None
    assert shown(an_order(subscription="example:S")).secure.payment_url == brand().shop.payment


# ---------------------------------------------------------------- re-engage


def test_guides_follow_what_was_bought():
    lines = (line("1", sku="CAM-1"), line("2", sku="LEA-1"), line("3", sku="COF-1"), line("4", sku="DRK-1", plan="Studio"))
    guides = shown(an_order(lines=lines)).re_engage.guides
    assert [g.kind for g in guides] == ["quick_start", "registration", "care", "tips", "onboarding"]
    first = catalogue().family("photo-software").onboarding
    assert guides[-1].points == first.steps["studio"]["beginner"]["en"]


def test_who_had_it_before_is_not_told_the_first_steps():
    software = (line(sku="DRK-1", plan="solo"),)
    before = an_order("1", lines=software, placed_at=NOON - 40 * DAY)
    steps = catalogue().family("photo-software").onboarding.steps["solo"]
    assert shown(an_order(lines=software)).re_engage.guides[0].points == steps["beginner"]["en"]
    assert shown(an_order(lines=software), beside=(before,)).re_engage.guides[0].points == steps["experienced"]["en"]


def test_what_goes_with_it_is_nothing_that_was_bought():
    coffee = (line(sku="COF-1"),)
    assert [idea.name for idea in shown(an_order(lines=coffee)).re_engage.ideas] == ["Paper filters", "Storage jar 1 l"]
    has = an_order("1", lines=(line(sku="CAR-FILTER"),), placed_at=NOON - 9 * DAY)
    assert [idea.name for idea in shown(an_order(lines=coffee), beside=(has,)).re_engage.ideas] == ["Storage jar 1 l"]


@pytest.mark.parametrize(
    ("consent", "offers"),
    [
        (None, True),
        (consent_of(said(Purpose.PROMOTIONAL)), True),
        (consent_of(said(Purpose.PROMOTIONAL, Says.WITHDRAWN)), False),
        (
            consent_of(said(Purpose.PROMOTIONAL), said(Purpose.PROMOTIONAL, Says.WITHDRAWN, channel=Channel.SMS, sequence="s2")),
            False,
        ),
        (consent_of(said(Purpose.SURVEY, Says.WITHDRAWN)), True),
    ],
)
def test_who_turned_offers_off_is_offered_nothing_and_keeps_the_guides(consent, offers):
    view = shown(an_order(lines=(line(sku="COF-1"),)), consent=consent or ConsentRecord()).re_engage
    assert bool(view.ideas) is bool(view.loyalty) is bool(view.again_url) is offers
    assert view.guides


def test_an_order_that_is_over_offers_nothing():
    view = shown(an_order(lines=(line(sku="COF-1"),), cancelled_at=NOON)).re_engage
    assert (view.ideas, view.loyalty, view.again_url) == ((), None, None)


def test_a_return_is_shown_with_its_states_and_its_code_where_a_shop_takes_it():
    own = Return(ref="R-ABCDEFGHIJ", requested_at=NOON, approved_at=NOON + DAY, lines={"1": 1, "gone": 1}, wish="credit")
    done = Return(ref="77", settled_at=NOON + 2 * DAY, outcome="refund", amount=Money(amount="5.00", currency="EUR"))
    first, second = shown(an_order(returns=(done, own)), there()).secure.returns.asked
    assert (first.ref, first.state, first.code) == ("77", "settled", False), "the newest first, and a settled one has no code"
    assert [step.done for step in first.steps] == [True] * 4, "what is settled has passed the rest, whoever told it"
    assert [(p.title, p.quantity) for p in second.pieces] == [("House espresso 1 kg", 1)]
    assert (second.state, second.code, [bool(s.at) for s in second.steps]) == ("approved", True, [True, True, False, False])
    abroad = shown(an_order(returns=(own,), country="FR"), there()).secure.returns
    assert (abroad.in_store, abroad.asked[0].code) == (False, False)
