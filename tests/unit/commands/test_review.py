"""A quarter is reviewed on three kinds of trade, and what it proposes is a diff that git takes and the deployment reads."""

import json
import shutil
import subprocess
from datetime import timedelta
from pathlib import Path

import pytest
import yaml

from aftercare.catalogue import Catalogue, catalogue
from aftercare.clock import iso
from aftercare.content import read_content
from aftercare.customer import OrderLine
from aftercare.segment_policy import SegmentPolicy, segment_policy
from simulator.commands import review
from simulator.commands.main import main
from simulator.commands.options import ROOT
from simulator.commands.world import opened
from simulator.report import observed
from tests.builders import NOON, a_customer, an_order
from tests.journeys.conftest import Shop

GOODS, POLICY = catalogue(), segment_policy()
COFFEE, CAMERA = observed.window_of("coffee"), observed.window_of("camera")
RENEWAL = observed.RENEWAL
CONTENT = Path(observed.FILE).parent


def bag(n, days, product_type="Coffee", sku=None, quantity=1, **more):
    line = OrderLine(line_ref="1", title="Thing", quantity=quantity, product_type=product_type, sku=sku)
    placed = NOON - timedelta(days=days)
    return an_order(str(n), lines=(line,), placed_at=placed, as_of=placed, **more)


def seen(*customers):
    days = observed.Days()
    for customer in customers:
        observed.look(days, customer, GOODS, NOON)
    return {row.place: row for row in observed.rows(days, GOODS, POLICY)}


def test_a_consumable_is_reviewed_by_the_days_that_a_unit_lasts():
    people = [a_customer(bag(1, 60), bag(2, 60 - 20), bag(3, 2, quantity=2)) for _ in range(20)]
    row = seen(*people)[COFFEE]
    assert (row.scenario, row.set, row.observed, row.seen) == ("consumable", 28, 29.0, 40)
    assert row.proposed is None, "28 is near enough"
    twice = [a_customer(bag(1, 42, quantity=2), bag(2, 2)) for _ in range(20)]
    assert (seen(*twice)[COFFEE].observed, seen(*twice)[COFFEE].proposed) == (20.0, 20)


def test_a_durable_is_reviewed_by_the_first_thing_that_keeps_it_its_worth():
    care = GOODS.add_ons[GOODS.families["camera"].cross_sells[0]]
    people = [a_customer(bag(1, 60, "Camera"), bag(2, 30, "Care", sku=care.skus[0])) for _ in range(25)]
    assert (seen(*people)[CAMERA].scenario, seen(*people)[CAMERA].proposed) == ("durable", 30)


def test_a_subscription_is_reviewed_by_its_renewals():
    people = [
        a_customer(*(bag(n, 80 - 20 * n, "Coffee subscription", is_renewal=True, subscription="shop:S") for n in range(4)))
        for _ in range(10)
    ]
    row = seen(*people)[RENEWAL]
    assert (row.scenario, row.set, row.observed, row.seen, row.proposed) == ("subscription", 30, 20.0, 30, 20)


def test_what_was_seen_too_seldom_or_outside_the_quarter_proposes_nothing():
    few = [a_customer(bag(1, 50), bag(2, 40)) for _ in range(POLICY.review.least - 1)]
    assert (seen(*few)[COFFEE].observed, seen(*few)[COFFEE].proposed) == (10.0, None)
    old = [a_customer(bag(1, 150), bag(2, 120)) for _ in range(50)]
    assert seen(*old)[COFFEE].seen == 0
    test_orders = [a_customer(bag(1, 50, is_test=True), bag(2, 40)) for _ in range(50)]
    assert seen(*test_orders)[COFFEE].seen == 0


def test_only_the_numbers_change_and_the_comments_stay():
    text = "# about\na:\n  b: {after_days: 28, x: 1}   # why\n  c:\n    after_days: 7\n"
    after = observed.with_values(text, {("a", "b", "after_days"): 9, ("a", "c", "after_days"): 100})
    assert after == "# about\na:\n  b: {after_days: 9, x: 1}   # why\n  c:\n    after_days: 100\n"
    with pytest.raises(observed.NotThere, match=r"a\.d\.after_days"):
        observed.with_values(text, {("a", "d", "after_days"): 9})


def applied(changed, tmp_path):
    """A copy of the content, checked and changed by git."""
    copy = tmp_path / "copy"
    shutil.copytree(ROOT / CONTENT, copy / CONTENT)
    for check in (["--check"], []):
        words = [shutil.which("git"), "apply", *check, "--unsafe-paths", "--directory", str(copy), "-"]
        subprocess.run(words, input=changed, text=True, check=True, cwd=copy)
    return copy


@pytest.fixture
def ran(tmp_path, monkeypatch):
    """A run in which coffee lasts twelve days and subscriptions are renewed every two weeks, as its records lie on the disk."""
    monkeypatch.chdir(tmp_path)
    with opened("memory", 3, NOON) as world:
        shop = Shop(world.cloud)
        for round_ in range(4):
            for n in range(12):
                shop.order(f"{n}-{round_}", email=f"buyer{n}@example.com")
            world.cloud.advance(days=12)
        world.save("simulate", "coffee")


def test_the_command_shows_set_against_observed_and_a_diff_that_applies(ran, capsys, tmp_path):
    assert main(["review", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    rows = {row["place"]: row for row in told["rows"]}
    coffee = rows["catalogue.families.coffee.reorder.after_days"]
    assert (coffee["set"], coffee["observed"], coffee["seen"], coffee["proposed"]) == (28, 12.0, 36, 12)
    assert {row["scenario"] for row in told["rows"]} == {"consumable", "durable", "subscription", "coming back"}
    assert told["customers"] == 12
    copy = applied(told["diff"], tmp_path)
    read = read_content(copy / CONTENT / "catalogue.yaml", Catalogue)
    assert read.families["coffee"].reorder.after_days == 12
    was, now = (yaml.safe_load((root / observed.FILE).read_text()) for root in (ROOT, copy))
    was["catalogue"]["families"]["coffee"]["reorder"]["after_days"] = 12
    assert was == now, "and nothing else"
    assert read_content(copy / CONTENT / "segments.yaml", SegmentPolicy)


def test_the_same_records_propose_the_same_and_in_words_too(ran, capsys):
    assert main(["review"]) == main(["review"]) == 1
    printed = capsys.readouterr().out
    assert printed[: len(printed) // 2] == printed[len(printed) // 2 :]
    assert "catalogue.families.coffee.reorder.after_days" in printed and "too little seen" in printed
    main(["review", "--diff"])
    assert capsys.readouterr().out.startswith("--- a/layers/shared/aftercare/content/thresholds.yaml")


def test_a_quarter_in_which_nothing_was_seen_proposes_nothing(ran, capsys):
    assert main(["review", "--until", iso(NOON - timedelta(days=1)), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["diff"] == ""
    assert main(["review", "--until", "soon"]) == 2


def test_of_many_customers_an_even_sample_is_looked_at_the_same_one_each_time(ran, capsys):
    main(["review", "--most", "5", "--json"])
    first = capsys.readouterr().out
    main(["review", "--most", "5", "--json"])
    assert json.loads(first)["customers"] == 5
    assert capsys.readouterr().out == first


def test_a_stack_lists_no_shops_and_asks_for_one(monkeypatch):
    class Where:
        tables = object()

    with pytest.raises(review.BadInput, match="--shop"):
        review._shops(Where())
