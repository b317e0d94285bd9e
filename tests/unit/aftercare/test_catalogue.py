"""The catalogue: which family a line is of, and what a family must have."""

from pathlib import Path

import pytest
import yaml

from aftercare.catalogue import Catalogue, Kind, catalogue
from aftercare.content import ContentError, read_content, whole
from aftercare.customer import OrderLine


def line(title="Thing", **more):
    return OrderLine(**{"line_ref": "1", "title": title, "quantity": 1, **more})


def small(**families):
    tips = {"url": "https://x.example/", "tips": {"en": ["t"]}}
    whole = {n: {"title": {"en": n}, "kinds": [], "tips": tips, "match": match} for n, match in families.items()}
    return Catalogue.model_validate(
        {"default": "goods", "families": {**whole, "goods": {"title": {"en": "g"}, "kinds": [], "tips": tips}}}
    )


def test_the_catalogue_that_comes_with_the_bundle_has_families_of_every_kind():
    families = catalogue().families.values()
    assert len(families) >= 7
    assert {kind for family in families for kind in family.kinds} == set(Kind)


def test_reorder_windows_are_a_week_two_weeks_four_weeks_and_later_for_the_expensive():
    windows = {f.name: f.reorder for f in catalogue().families.values() if f.reorder}
    assert {7, 14, 28} <= {r.after_days for r in windows.values()}
    assert all(21 <= r.after_days <= 35 for r in windows.values() if r.offers == "care")
    assert any(r.offers == "care" for r in windows.values())


STEPS = [
    ("override by tag", {"tags": ("sale", "Aftercare:seventh")}, "seventh"),
    ("override by type", {"product_type": "aftercare:seventh"}, "seventh"),
    ("product id", {"product_ref": "42"}, "sixth"),
    ("sku prefix", {"sku": "FIF-9"}, "fifth"),
    ("product type", {"product_type": " Fourth "}, "fourth"),
    ("tag", {"tags": ("THIRD",)}, "third"),
    ("title word", {"title": "My second-hand Second"}, "second"),
    ("nothing", {}, "goods"),
]
ORDERED = small(
    second={"title_words": ["second"]},
    third={"tags": ["third"]},
    fourth={"product_types": ["fourth"]},
    fifth={"sku_prefixes": ["FIF-"]},
    sixth={"product_ids": ["42"]},
    seventh={},
)


@pytest.mark.parametrize(("step", "has", "family"), STEPS, ids=[s[0] for s in STEPS])
def test_a_line_finds_its_family(step, has, family):
    assert ORDERED.family_of(line(**has)).name == family


def test_the_first_step_that_fits_wins_over_all_later_ones():
    everything = {}
    for _, has, family in reversed(STEPS[2:-1]):
        everything |= has
        assert ORDERED.family_of(line(**everything)).name == family
    assert ORDERED.family_of(line(**everything | {"tags": ("third", "aftercare:seventh")})).name == "seventh"


def test_within_a_step_the_family_that_stands_first_wins():
    both = small(a={"tags": ["x"], "sku_prefixes": ["S"]}, b={"tags": ["y"], "sku_prefixes": ["SK"]})
    assert both.family_of(line(tags=("y", "x"))).name == "a"
    assert both.family_of(line(sku="SKU")).name == "a"


def test_an_override_with_an_unknown_name_overrides_nothing():
    assert ORDERED.family_of(line(tags=("aftercare:nosuch", "third"))).name == "third"


def test_gift_cards_and_lines_taken_off_the_order_are_of_no_family():
    coffee = {"title": "Coffee", "product_type": "Coffee"}
    lines = [line(**coffee, gift_card=True), line(**coffee | {"quantity": 0}), line(**coffee)]
    assert {name: len(of) for name, of in catalogue().by_family(lines).items()} == {"coffee": 1}


@pytest.mark.parametrize(
    ("family", "change", "says"),
    [
        ("camera", {"quick_start": None}, "quick_start: expected, because the kinds have complex"),
        ("leather", {"care": None}, "care: expected, because the kinds have delicate"),
        ("photo-software", {"onboarding": None}, "onboarding: expected, because the kinds have software"),
        ("camera", {"registration": None}, "registration: expected, because the kinds have warranty"),
        ("coffee", {"tips": None}, "tips: expected, because no kind brings a guide"),
        ("camera", {"cross_sells": []}, "cross_sells: expected, because reorder offers care"),
        ("coffee", {"cross_sells": ["nosuch"]}, "families.coffee.cross_sells: expected names of add_ons, found nosuch"),
        ("coffee", {"kinds": ["tasty"]}, "families.coffee.kinds.0: "),
        ("coffee", {"reorder": {"after_days": 0, "benefit": {"en": "x"}}}, "families.coffee.reorder.after_days: "),
    ],
)
def test_a_family_without_what_its_kinds_promise_is_refused_by_name(tmp_path, family, change, says):
    read = whole(Path("catalogue.yaml"))
    read["families"][family] = {k: v for k, v in {**read["families"][family], **change}.items() if v is not None}
    file = tmp_path / "catalogue.yaml"
    file.write_text(yaml.safe_dump(read, allow_unicode=True), encoding="utf-8")
    with pytest.raises(ContentError, match=r"catalogue\.yaml: ") as caught:
        read_content(file, Catalogue)
    assert says in str(caught.value)


@pytest.mark.parametrize(
    ("plan", "tier"), [("Studio, yearly", "studio"), ("PRO", "studio"), ("solo", "solo"), (None, "solo"), ("Platinum", "solo")]
)
def test_the_tier_is_read_from_the_plans_name_and_the_default_for_an_unknown_one(plan, tier):
    assert catalogue().families["photo-software"].onboarding.tier_of(plan) == tier
