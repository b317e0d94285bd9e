"""Who would rather hear once a week: the customer's word, what a group answers, and a few who find out."""

from datetime import timedelta
from decimal import Decimal

import pytest

from aftercare import keys
from aftercare.cadence import (
    HALF_LIFE,
    PERIOD,
    Arm,
    Cadences,
    Kind,
    Learning,
    cadences_from,
    group,
    learned,
    lesson,
    prefers,
    weight,
)
from aftercare.customer import Customer, Profile
from aftercare.wishes import Frequency, Wishes
from simulator.memory.tables import MemoryTables
from tests.builders import NOON, a_customer, an_order

RULE = Learning(prior=100, enough=200, times=1.5, sure=0.9, explore=0.0)


def sums(digest, single, of="DE-first", at=NOON):
    """(delivered, answered) of each arm, in messages of `at`."""
    found = {}
    for arm, (delivered, answered) in (("digest", digest), ("single", single)):
        found |= {f"{arm}_{of}_delivered": delivered * float(weight(at)), f"{arm}_{of}_answered": answered * float(weight(at))}
    return found


def known(*of):
    return Cadences(sums={name: value for one in of for name, value in one.items()})


def named(customer_id, **wishes):
    made = {"wishes": Wishes(version=1, **wishes)} if wishes else {}
    return Customer(id=customer_id, profile=Profile(first_seen=NOON, country="DE"), **made)


def test_the_customers_own_choice_counts_before_all_that_was_learned():
    for_digests = known(sums((1000, 400), (1000, 50)))
    for said, arm in ((Frequency.EACH, Arm.SINGLE), (Frequency.WEEKLY, Arm.DIGEST)):
        assert prefers(named("c1", frequency=said), for_digests, RULE, NOON) == (arm, "stated")
    assert prefers(named("c1"), for_digests, RULE, NOON) == (Arm.DIGEST, "learned")


def test_as_long_as_too_little_is_known_of_either_kind_messages_go_by_themselves():
    assert learned("DE-first", known(sums((199, 199), (5000, 10))), RULE, NOON) == (Arm.SINGLE, "default")
    assert learned("DE-first", Cadences(), RULE, NOON) == (Arm.SINGLE, "default")
    assert learned("DE-first", known(sums((200, 199), (5000, 10))), RULE, NOON) == (Arm.DIGEST, "learned")


@pytest.mark.parametrize(
    ("digest", "single", "arm"),
    [((2000, 400), (2000, 200), Arm.DIGEST), ((2000, 290), (2000, 200), Arm.SINGLE), ((2000, 0), (2000, 0), Arm.SINGLE)],
)
def test_a_digest_must_be_answered_so_much_more_often_as_it_takes_the_place_of_several(digest, single, arm):
    assert learned("DE-first", known(sums(digest, single)), RULE, NOON).arm is arm


def test_a_small_group_is_taken_for_what_all_are_and_a_large_one_for_itself():
    all_like_digests = sums((3000, 900), (3000, 300), of="DE-first")
    few = sums((4, 0), (4, 1), of="AT-first")
    many = sums((2000, 60), (2000, 600), of="AT-first")
    assert learned("AT-first", known(all_like_digests, few), RULE, NOON).arm is Arm.DIGEST
    assert learned("AT-first", known(all_like_digests, many), RULE, NOON).arm is Arm.SINGLE
    assert learned("DE-first", known(all_like_digests, many), RULE, NOON).arm is Arm.DIGEST


def test_a_share_of_the_customers_gets_the_other_kind_for_a_while_and_then_others_do():
    rule = RULE.model_copy(update={"explore": 0.1})
    people = [f"c{number}" for number in range(2000)]

    def exploring(at):
        return {one for one in people if prefers(named(one), Cadences(), rule, at) == (Arm.DIGEST, "explored")}

    first = exploring(NOON)
    assert 150 < len(first) < 250
    assert exploring(NOON + timedelta(days=1)) == first
    later = exploring(NOON + PERIOD)
    assert 150 < len(later) < 250 and len(first & later) < 60


def test_nobody_explores_whose_choice_is_known():
    rule = RULE.model_copy(update={"explore": 0.5})
    assert {prefers(named(f"c{n}", frequency=Frequency.EACH), Cadences(), rule, NOON).because for n in range(50)} == {"stated"}


def test_lessons_add_up_in_one_item_in_any_order_and_newer_ones_weigh_more():
    tables = MemoryTables(lambda: NOON)
    kind = Kind(Arm.DIGEST, "DE-first")
    for at in (NOON + HALF_LIFE, NOON):
        tables.write([lesson(kind, "delivered", at)])
    tables.write([lesson(kind, "answered", NOON)])
    there = cadences_from(tables.read([keys.cadence()])[keys.cadence()])
    delivered, answered = there.of(Arm.DIGEST, "DE-first", NOON + HALF_LIFE)
    assert (round(delivered, 4), round(answered, 4)) == (1.5, 0.5)
    assert there.of(Arm.SINGLE, "DE-first", NOON) == (0, 0)
    assert cadences_from(None) == Cadences()


def test_what_lies_beside_the_sums_in_the_item_is_none_of_them():
    item = {"pk": "CADENCE", "sk": "-", "expires_at": 4, "digest_DE-first_delivered": Decimal("2.5")}
    assert cadences_from(item).sums == {"digest_DE-first_delivered": 2.5}


def test_a_group_says_where_and_whether_it_is_a_first_order_and_nothing_of_the_person():
    assert group(a_customer(an_order(country="AT"))) == "AT-first"
    moved = a_customer(an_order("1", country="AT"), an_order("2", country="DE", as_of=NOON + timedelta(days=1)))
    assert group(moved) == "DE-again"
    assert group(Customer(id="c1", profile=Profile(first_seen=NOON))) == "ZZ-first"


@pytest.mark.parametrize("text", ["", "digest", "digest_DE", "both_DE-first", "digest_DE-first_x", "digest_de-first", "x" * 5000])
def test_a_tag_that_nobody_here_wrote_teaches_nothing(text):
    assert Kind.read(text) is None


def test_a_tag_comes_back_as_it_was_written():
    for arm in Arm:
        kind = Kind(arm, "DE-again")
        assert Kind.read(str(kind)) == kind
