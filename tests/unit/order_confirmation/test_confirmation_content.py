"""What a confirmation carries, by what is in the order and what was bought before."""

from datetime import timedelta

from aftercare.catalogue import Skill, catalogue
from aftercare.consent import Purpose
from aftercare.customer import OrderLine
from order_confirmation.content import ADD_ONS, IN_FULL, blocks, skill
from tests.builders import NOON, an_order

CATALOGUE = catalogue()


def line(product_type, **more):
    return OrderLine(**{"line_ref": product_type, "title": "Thing", "quantity": 1, "product_type": product_type, **more})


def order(*lines, **more):
    return an_order(lines=lines, **more)


def before(*lines, days=60, ref="900"):
    return an_order(ref=ref, lines=lines, placed_at=NOON - timedelta(days=days))


def guides(order, *earlier):
    chosen = blocks(order, earlier, CATALOGUE)
    return [(b.kind, b.family, b.variant) for b in chosen if b.kind not in ("opening", "add-ons")]


def add_ons(order, *earlier):
    return [b.variant for b in blocks(order, earlier, CATALOGUE) if b.kind == "add-ons"]


def test_something_complex_gets_a_quick_start_and_with_a_warranty_its_registration():
    assert guides(order(line("Camera"))) == [("quick-start", "camera", None), ("registration", "camera", None)]


def test_something_delicate_gets_a_care_guide():
    assert guides(order(line("Leather"))) == [("care-guide", "leather", None)]


def test_software_gets_first_steps_by_plan_and_skill():
    assert guides(order(line("Software", plan="Studio, yearly"))) == [("onboarding", "photo-software", "studio-beginner")]


def test_the_tier_is_read_from_the_variant_where_the_sender_tells_no_plan():
    assert guides(order(line("Software", variant="Team"))) == [("onboarding", "photo-software", "studio-beginner")]


def test_who_bought_of_the_family_before_is_experienced():
    earlier = before(line("Software"))
    assert guides(order(line("Software")), earlier) == [("onboarding", "photo-software", "solo-experienced")]


def test_who_bought_something_demanding_twice_is_experienced_with_a_new_family_too():
    software = CATALOGUE.families["photo-software"]
    cameras = [before(line("Camera"), ref="1"), before(line("Espressomaschine"), ref="2")]
    assert skill(software, cameras, CATALOGUE) is Skill.EXPERIENCED
    assert skill(software, cameras[:1], CATALOGUE) is Skill.BEGINNER
    assert skill(software, [before(line("Coffee"), ref=str(n)) for n in range(9)], CATALOGUE) is Skill.BEGINNER


def test_several_kinds_make_one_message_with_the_important_in_full_and_the_rest_as_links():
    whole = order(line("Camera"), line("Leather"), line("Software"), line("Coffee"))
    assert guides(whole) == [
        ("onboarding", "photo-software", "solo-beginner"),
        ("quick-start", "camera", None),
        ("care-guide", "leather", None),
        ("more", "camera", "registration"),
        ("more", "coffee", "tips"),
    ]


def test_one_guide_of_each_kind_comes_before_a_second_of_any():
    kinds = [kind for kind, _, _ in guides(order(line("Leather"), line("Cashmere"), line("Camera")))]
    assert kinds == ["quick-start", "care-guide", "registration", "more"]


def test_the_same_product_twice_gets_its_guide_once():
    assert len(guides(order(line("Leather"), line("Leather", line_ref="2")))) == 1


def test_however_much_is_ordered_the_message_stays_short():
    everything = order(
        *(line(family.match.product_types[0]) for family in CATALOGUE.families.values() if family.match.product_types)
    )
    chosen = guides(everything)
    assert sum(1 for kind, _, _ in chosen if kind != "more") == IN_FULL
    assert len(chosen) <= IN_FULL + 4
    assert len(add_ons(everything)) <= ADD_ONS


def test_an_unknown_product_gets_the_default_familys_tips():
    assert guides(order(line("Mystery"))) == [("tips", "goods", None)]


def test_an_order_of_gift_cards_gets_the_default_tips_and_no_add_ons():
    cards = order(line("Camera", gift_card=True))
    assert guides(cards) == [("tips", "goods", None)]
    assert add_ons(cards) == []


def test_a_renewal_is_opened_as_one_and_repeats_no_first_steps():
    renewal = order(line("Coffee subscription", plan="Regular"), is_renewal=True)
    assert blocks(renewal, (), CATALOGUE)[0].variant == "renewal"
    assert guides(renewal) == []


def test_a_first_order_and_one_who_came_back_are_thanked_differently():
    first, again = blocks(order(), (), CATALOGUE)[0], blocks(order(), (before(line("Coffee")),), CATALOGUE)[0]
    assert (first.kind, first.variant, again.variant) == ("opening", "first", "again")


def test_add_ons_are_an_offer_with_a_purpose_of_their_own():
    chosen = [b for b in blocks(order(line("Camera")), (), CATALOGUE) if b.kind == "add-ons"]
    assert [b.purpose for b in chosen] == [Purpose.PROMOTIONAL] * 2
    assert all(b.purpose is None for b in blocks(order(line("Camera")), (), CATALOGUE) if b.kind != "add-ons")


def test_what_somebody_has_is_not_offered():
    assert add_ons(order(line("Camera"))) == ["lens-kit", "camera-strap"]
    assert add_ons(order(line("Camera"), line("Care", sku="CAR-LENSKIT"))) == ["camera-strap"]
    assert add_ons(order(line("Camera")), before(line("Care", sku="CAM-STRAP"))) == ["lens-kit"]
    assert add_ons(order(line("Espressomaschine"))) == ["descaler", "house-espresso"]
    assert "house-espresso" not in add_ons(order(line("Espressomaschine")), before(line("Coffee")))


def test_past_purchases_offer_where_the_order_itself_offers_nothing():
    assert add_ons(order(line("Software")), before(line("Leather"))) == ["leather-balm"]


def test_of_add_ons_the_one_that_somebody_looked_at_comes_first():
    bag = order(line("Camera"), line("Coffee"))
    plain = add_ons(bag)
    every = [n for family in ("camera", "coffee") for n in CATALOGUE.family(family).cross_sells]
    last = next(name for name in reversed(every) if name not in plain)
    looked = [b.variant for b in blocks(bag, (), CATALOGUE, {f"+{last}": 1.0}) if b.kind == "add-ons"]
    assert looked == [last, plain[0]]
    assert [b.variant for b in blocks(bag, (), CATALOGUE, {"knitwear": 9.0}) if b.kind == "add-ons"] == plain
    owned = order(line("Camera", sku="CAM-STRAP"))
    assert "camera-strap" not in [b.variant for b in blocks(owned, (), CATALOGUE, {"+camera-strap": 9.0})], "never what they have"
