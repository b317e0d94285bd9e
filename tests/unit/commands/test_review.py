"""A quarter is reviewed on three kinds of trade, and what it proposes is a diff that git takes and the deployment reads."""

import json
import math
import shutil
import subprocess
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest
import yaml

from aftercare.catalogue import Catalogue, catalogue
from aftercare.clock import iso
from aftercare.content import read_content
from aftercare.customer import OrderLine
from aftercare.lifetime import USUAL, waits
from aftercare.reorder_levels import Learned, grown, learned
from aftercare.reorder_levels import days as days_since
from aftercare.segment_policy import SegmentPolicy, segment_policy
from aftercare.segments import bought
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
    return judged(customers)


def judged(customers, learned=None, used=()):
    found = observed.Seen()
    for customer in customers:
        observed.look(found, customer, GOODS, USUAL.orders, NOON)
    return {row.place: row for row in observed.rows(found, GOODS, POLICY, learned or {}, used)}


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


def test_who_comes_back_at_all_does_so_by_the_day_of_the_guide_and_of_the_first_look():
    people = [a_customer(bag(1, 80), bag(2, 80 - days)) for days in (10, 20, 30, 60) for _ in range(6)]
    rows = seen(*people)
    assert rows[observed.GUIDE].observed == rows[observed.FIRST_LOOK].observed == 52.5
    assert (rows[observed.GUIDE].set, rows[observed.GUIDE].proposed) == (35, 52)


def test_a_look_is_due_when_three_in_four_of_those_who_come_back_have():
    before = [bag(1, 140), bag(2, 110)]
    wait = waits(USUAL.orders, bought(before), [30.0])[1]
    people = [a_customer(*before, bag(3, 110 - days)) for days in (20, 25, 30, 100) for _ in range(6)]
    row = seen(*people)[observed.LOOK]
    assert (row.set, row.seen) == (1.5, 24)
    assert row.observed == pytest.approx((30 + 0.75 * 70) / wait, abs=0.01)
    late = [a_customer(bag(1, 170), bag(2, 160), bag(3, 150), bag(4, 20)) for _ in range(20)]
    assert seen(*late)[observed.LOOK].proposed > 1.5
    soon = [a_customer(bag(1, 98), bag(2, 33), bag(3, 20)) for _ in range(20)]
    assert seen(*soon)[observed.LOOK].proposed == 1.0, "no look comes before the order was expected"


def test_what_shops_learned_of_who_stays_away_stands_beside_the_tables_base():
    row = judged((), used=[observed.Use(0.3, 90), observed.Use(0.5, 10)])[observed.BASE]
    assert (row.set, row.observed, row.seen, row.proposed) == (0.6, 0.32, 100, 0.32)
    assert judged((), used=[observed.Use(0.3, 9)])[observed.BASE].proposed is None, "of nine looks nobody learns"
    assert judged(())[observed.BASE].observed is None


def test_the_window_that_reminders_go_by_stands_beside_the_observed_one():
    row = judged((), {"coffee": Learned(19.94, 412.4)})[COFFEE]
    assert (row.set, row.learned, row.learned_from, row.proposed) == (28, 19.9, 412, None)
    weight = grown(days_since(NOON))
    store = {"n0": Decimal(str(round(400 * weight, 6))), "n1": Decimal(0)}
    family = {"n0": Decimal(str(round(20 * weight, 6))), "n1": Decimal(str(round(20 * weight * math.log(0.5), 6)))}
    known = learned(28.0, store, family, NOON)
    assert known.intervals == pytest.approx(20) and known.days == pytest.approx(28 * 0.5**0.5), (
        "half way, by twenty against twenty"
    )
    assert learned(28.0, store, None, NOON) is None


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
    """A run in which coffee lasts twelve days, as its records lie on the disk."""
    in_a_run(tmp_path, monkeypatch, consumables)


def test_the_command_shows_set_against_observed_and_a_diff_that_applies(ran, capsys, tmp_path):
    assert main(["review", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    rows = {row["place"]: row for row in told["rows"]}
    coffee = rows["catalogue.families.coffee.reorder.after_days"]
    assert (coffee["set"], coffee["observed"], coffee["seen"], coffee["proposed"]) == (28, 12.0, 36, 12)
    assert {row["scenario"] for row in told["rows"]} == {"consumable", "durable", "subscription", "coming back", "staying away"}
    assert told["customers"] == 12
    copy = applied(told["diff"], tmp_path)
    read = read_content(copy / CONTENT / "catalogue.yaml", Catalogue)
    assert read.families["coffee"].reorder.after_days == 12
    was, now = (yaml.safe_load((root / observed.FILE).read_text()) for root in (ROOT, copy))
    for row in told["rows"]:
        if row["proposed"] is not None:
            at, *way = reversed(row["place"].split("."))
            of = was
            for name in reversed(way):
                of = of[name]
            of[at] = row["proposed"]
    assert was == now, "and nothing else"
    assert read_content(copy / CONTENT / "segments.yaml", SegmentPolicy)


def in_a_run(tmp_path, monkeypatch, live, backend="memory"):
    monkeypatch.chdir(tmp_path)
    with opened(backend, 3, NOON) as world:
        live(world.cloud, Shop(world.cloud))
        world.save("simulate", "a quarter")


def consumables(cloud, shop):
    for round_ in range(4):
        for n in range(12):
            shop.order(f"{n}-{round_}", email=f"buyer{n}@example.com")
        cloud.advance(days=12)


def durables(cloud, shop):
    for n in range(24):
        shop.order(f"{n}-camera", "Camera", "Camera", email=f"buyer{n}@example.com")
    cloud.advance(days=44)
    care = GOODS.add_ons[GOODS.families["camera"].cross_sells[0]]
    line = {"line_ref": "1", "title": "Lens kit", "quantity": 1, "sku": care.skus[0]}
    for n in range(24):
        shop.order(f"{n}-kit", email=f"buyer{n}@example.com", lines=[line])
    cloud.advance(days=1)


def subscriptions(cloud, shop):
    for round_ in range(4):
        for n in range(8):
            ref = f"{n}-{round_}"
            shop.order(ref, "Coffee subscription", "Coffee club", email=f"buyer{n}@example.com", is_renewal=round_ > 0)
            shop.put("SubscriptionRenewed", ref=f"S{n}", order_ref=ref, occurred_at=iso(cloud.now))
        cloud.advance(days=14)


@pytest.mark.parametrize(
    ("live", "scenario", "place", "proposed"),
    [
        (consumables, "consumable", "catalogue.families.coffee.reorder.after_days", 12),
        (durables, "durable", "catalogue.families.camera.reorder.after_days", 44),
        (subscriptions, "subscription", "segments.subscription.renewal_days", 14),
    ],
)
def test_each_of_the_three_trades_ends_in_a_diff_that_git_takes(tmp_path, monkeypatch, capsys, live, scenario, place, proposed):
    in_a_run(tmp_path, monkeypatch, live)
    assert main(["review", "--json"]) == 1
    told = json.loads(capsys.readouterr().out)
    (row,) = [row for row in told["rows"] if row["place"] == place]
    assert (row["scenario"], row["proposed"]) == (scenario, proposed)
    copy = applied(told["diff"], tmp_path)
    now = yaml.safe_load((copy / observed.FILE).read_text())
    for name in place.split("."):
        now = now[name]
    assert now == proposed
    assert read_content(copy / CONTENT / "catalogue.yaml", Catalogue) and read_content(
        copy / CONTENT / "segments.yaml", SegmentPolicy
    )


def test_what_reminders_learned_in_a_run_is_shown_beside_it(ran, capsys):
    main(["review", "--json"])
    rows = {row["place"]: row for row in json.loads(capsys.readouterr().out)["rows"]}
    coffee = rows["catalogue.families.coffee.reorder.after_days"]
    assert coffee["learned"] == pytest.approx(12, abs=2) and 30 < coffee["learned_from"] <= 36
    assert rows["catalogue.families.bakery.reorder.after_days"]["learned"] is None


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
