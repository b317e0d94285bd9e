"""Which channel is tried first, and why."""

from datetime import timedelta

import pytest

from aftercare import keys
from aftercare.behaviour import seen
from aftercare.consent import Channel, Purpose
from aftercare.learned import NOTHING, Learned, answered, delivered, learned_from, weight
from message_gate.channel_choice import answer_likelihood, choose, explores
from message_gate.channel_policy import channel_policy
from tests.builders import NOON

POLICY = channel_policy()
EMAIL, SMS, PUSH, WHATSAPP, INBOX = Channel.EMAIL, Channel.SMS, Channel.PUSH, Channel.WHATSAPP, Channel.INBOX
EXPLORES = next(i for i in (keys.message_id(f"m{n}") for n in range(1000)) if explores(i, POLICY.learning))
SETTLED = next(i for i in (keys.message_id(f"m{n}") for n in range(1000)) if not explores(i, POLICY.learning))


def of(**sums: tuple[float, float]) -> Learned:
    """So many delivered and answered on each channel, all of them now."""
    today = float(weight(NOON))
    return Learned(
        delivered={Channel(c): d * today for c, (d, _) in sums.items()},
        answered={Channel(c): a * today for c, (_, a) in sums.items()},
    )


def chosen(usable, template="reorder-reminder", purpose=Purpose.REORDER, own=NOTHING, store=NOTHING, message=SETTLED, **more):
    return choose(tuple(usable), template, purpose, POLICY, own, store, message, NOON, **more)


def test_where_there_is_one_channel_there_is_nothing_to_choose():
    assert chosen([EMAIL]) == ((EMAIL,), "only", {})


@pytest.mark.parametrize(
    ("template", "first", "because"),
    [
        ("parcel-out-for-delivery", SMS, "urgent"),
        ("parcel-shipped", SMS, "urgent"),
        ("delivery-delayed", SMS, "urgent"),
        ("parcel-delivered", PUSH, "default"),
        ("order-confirmation", EMAIL, "default"),
    ],
)
def test_without_data_the_stores_table_decides_by_urgency(template, first, because):
    choice = chosen([EMAIL, SMS, PUSH], template, Purpose.TRANSACTIONAL)
    assert (choice.channels[0], choice.because) == (first, because)
    assert set(choice.channels) == {EMAIL, SMS, PUSH}


def test_a_stated_wish_comes_before_urgency_and_before_all_that_was_learned():
    store = of(email=(100, 1), sms=(100, 90))
    assert chosen([EMAIL, SMS], "parcel-shipped", Purpose.TRANSACTIONAL, store=store, stated=(EMAIL,)).because == "stated"
    assert chosen([EMAIL, SMS], store=store, stated=(EMAIL,)).channels == (EMAIL, SMS)
    assert chosen([EMAIL, PUSH], store=store, stated=(SMS,)).because != "stated", "a wish opens no channel that may not be used"


def test_what_the_customer_answers_moves_the_stores_rate_and_few_answers_move_it_little():
    store = of(email=(100, 20), sms=(100, 20))
    one = answer_likelihood(SMS, of(sms=(1, 1)), store, POLICY.learning, NOON)
    many = answer_likelihood(SMS, of(sms=(40, 30)), store, POLICY.learning, NOON)
    assert one is not None and many is not None
    assert 0.2 < one < 0.35 < 0.6 < many < 0.75


def test_a_channel_of_which_the_store_knows_too_little_keeps_its_place():
    own = of(push=(5, 5))
    assert answer_likelihood(PUSH, own, of(push=(29, 29)), POLICY.learning, NOON) is None
    assert chosen([EMAIL, PUSH], own=own, store=of(email=(100, 1), push=(10, 10))).channels == (EMAIL, PUSH)


def test_of_channels_that_are_known_the_one_that_is_answered_comes_first_for_what_keeps():
    choice = chosen([EMAIL, PUSH], own=of(push=(20, 15), email=(20, 0)), store=of(email=(100, 10), push=(100, 10)))
    assert (choice.channels, choice.because) == ((PUSH, EMAIL), "learned")
    assert choice.saw["push answers"] > choice.saw["email answers"]


def test_a_dearer_channel_must_be_answered_by_so_much_more_as_it_costs():
    close = of(email=(10_000, 1000), sms=(10_000, 1050))
    assert chosen([EMAIL, SMS], purpose=Purpose.SERVICE, store=close).channels[0] is EMAIL
    clear = of(email=(10_000, 1000), sms=(10_000, 3000))
    assert chosen([EMAIL, SMS], purpose=Purpose.SERVICE, store=clear).channels[0] is SMS


def test_exploring_tries_what_is_least_known_only_of_what_may_be_used_and_never_what_is_urgent():
    own, store = of(email=(50, 25)), of(email=(900, 90), push=(3, 0))
    explored = chosen([EMAIL, PUSH], own=own, store=store, message=EXPLORES)
    assert (explored.channels, explored.because) == ((PUSH, EMAIL), "explored")
    assert chosen([EMAIL, PUSH], own=own, store=store, message=EXPLORES) == explored, "seeded by the message"
    urgent = chosen([EMAIL, PUSH], "parcel-shipped", Purpose.TRANSACTIONAL, own=own, store=store, message=EXPLORES)
    assert urgent.because == "urgent"
    for usable in ([EMAIL], [EMAIL, SMS], [PUSH, WHATSAPP, EMAIL]):
        assert set(chosen(usable, message=EXPLORES).channels) == set(usable)


def test_the_share_that_explores_is_small():
    assert 60 < sum(explores(keys.message_id(f"x{n}"), POLICY.learning) for n in range(4000)) < 180


def test_sums_are_the_same_in_any_order_and_what_is_old_weighs_less():
    changes = [delivered("c", EMAIL, NOON - timedelta(days=120)), delivered("c", EMAIL, NOON), answered("c", EMAIL, NOON, 19)]
    sums = {}
    for change in changes:
        for name, value in change.add.items():
            sums[name] = sums.get(name, 0) + value
    known = learned_from([{**sums, "delivered_at": changes[1].put["delivered_at"]}])
    assert known.of(EMAIL, NOON).delivered == pytest.approx(1.5, abs=1e-4)
    assert known.of(EMAIL, NOON + timedelta(days=120)).answered == pytest.approx(0.5, abs=1e-4)
    assert known.active(NOON) == {19: pytest.approx(1.0)}
    assert learned_from([]) == NOTHING


def logged_in(*days: int, surface: str = "app"):
    behaviour = None
    for day in days:
        behaviour = seen(behaviour, (surface,), (), NOON - timedelta(days=day)) or behaviour
    return behaviour


def test_days_on_which_they_logged_in_are_a_sign_for_the_inbox_and_of_the_app_for_push_too():
    store = of(email=(100, 20), push=(100, 18), inbox=(100, 15))
    plain = {c: answer_likelihood(c, NOTHING, store, POLICY.learning, NOON) for c in (EMAIL, PUSH, INBOX)}

    def with_(behaviour):
        return {c: answer_likelihood(c, NOTHING, store, POLICY.learning, NOON, behaviour) for c in (EMAIL, PUSH, INBOX)}

    app, web = with_(logged_in(0, 1, 3, 5)), with_(logged_in(0, 1, 3, 5, surface="web"))
    assert app[EMAIL] == web[EMAIL] == plain[EMAIL], "where they log in says nothing of the mail"
    assert app[PUSH] > plain[PUSH] and app[INBOX] > plain[INBOX]
    assert web[PUSH] == plain[PUSH] and web[INBOX] > plain[INBOX]
    assert with_(logged_in(80))[INBOX] == pytest.approx(plain[INBOX], abs=0.01), "what is long ago has faded"


def test_who_is_often_in_the_app_is_written_to_there_first():
    store = of(email=(100, 20), push=(100, 18))
    assert chosen([EMAIL, PUSH], store=store).channels[0] is EMAIL
    often = logged_in(*range(12))
    assert chosen([EMAIL, PUSH], store=store, behaviour=often).channels == (PUSH, EMAIL)
    assert chosen([EMAIL, PUSH], store=store, behaviour=often, stated=(EMAIL,)).channels[0] is EMAIL, "a wish comes first"
    assert chosen([EMAIL, PUSH], behaviour=often).channels[0] is EMAIL, "a store that knows nothing keeps its table"
