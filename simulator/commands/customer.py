"""`aftercare customer`: one customer at once: kind of buyer, what to expect of them, what they like, at which prices."""

from __future__ import annotations

import argparse
from datetime import date
from typing import TYPE_CHECKING, Any

from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.terminal import counted, paint, say, say_json, table

if TYPE_CHECKING:
    from aftercare.customer_view import CustomerView
    from aftercare.money import Money
    from aftercare.prospects import Prospects
    from aftercare.segments import NextOrder

LONGEST = 3650


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "customer",
        run,
        "show what kind of buyer a customer is, whether and when they order again, what they spend and like",
        """\
  aftercare customer anna@example.com                          in words
  aftercare customer larkfield.myshopify.com:1001 --days 90    the customer of an order, the next quarter
  aftercare customer anna@example.com --json --stack aftercare
""",
    )
    parser.add_argument("customer", help="customer id, e-mail address or order key (<shop>:<order>)")
    parser.add_argument("--days", type=int, default=365, metavar="N", help="horizon of orders and spend (default: %(default)s)")
    options.records(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    from aftercare.catalogue import catalogue
    from aftercare.customer_view import customer_view, learned_at
    from aftercare.segment_policy import segment_policy

    if not 1 <= arguments.days <= LONGEST:
        raise BadInput(f"--days {arguments.days}: expected 1 to {LONGEST}")
    where = records.of(arguments)
    customer = records.find(where, arguments.customer).customer
    learned = where.tables.read(list(learned_at(customer))) if learned_at(customer) else {}
    seen = customer_view(customer, learned, catalogue(), where.now, arguments.days, segment_policy().care.gone_days)
    if arguments.json:
        say_json(_as_json(seen, customer.profile.shop_refs))
        return 0
    orders = counted(seen.bought.orders, "order")
    say(f"{paint(seen.id, 'bold')}: {orders} in {where.name}")
    say()
    for line in table(_rows(seen, customer.profile.shop_refs), indent="  "):
        say(line)
    return 0


def _rows(seen: CustomerView, accounts: tuple[str, ...]) -> list[tuple[str, str, str]]:
    spent = ", ".join(f"{amount:.2f} {currency}" for currency, amount in sorted(seen.bought.spent.items()))
    rows = [
        ("known as", ", ".join(accounts) or "-", "one id in all shops and on all channels" if len(accounts) > 1 else ""),
        ("kind of buyer", " / ".join(seen.segments), "with their last order"),
        ("spent", spent or "-", f"{seen.bought.first} to {seen.bought.last}" if seen.bought.first else ""),
    ]
    ahead = seen.prospects
    if ahead:
        rows += [
            ("still a customer", _share(ahead.active), "" if seen.bought.days > 1 else "bought once: nobody can tell yet"),
            ("churn risk", _share(ahead.churn), f"no order within {ahead.churn_days} days"),
            ("orders expected", f"{ahead.orders:.1f}", f"within {ahead.days} days"),
            ("spend expected", _money(ahead.spend), f"within {ahead.days} days"),
            *_days("next order", ahead.next_order, ahead.at),
            ("said of", *_learned(ahead)),
        ]
    if seen.noted:
        noted = " / ".join(map(_day, seen.noted))
        rows.append(("noted with the last order", noted, "P25 / P50 / P75; waits hang on these"))
    for one in seen.interests:
        tier = seen.price_tiers.get(one.family)
        about = f"bought {one.bought:.1f}, looked at {one.looked:.1f} (days, fading)"
        rows.append((f"interest: {one.family}", f"{one.much:.1f}", f"{about}{f'; {_third(tier)}' if tier else ''}"))
    rows.append(("buys", _third(seen.price_tier) if seen.price_tier else "-", "" if seen.price_tier else "no prices learned yet"))
    return rows


def _days(what: str, expected: NextOrder, at: date) -> list[tuple[str, str, str]]:
    about = ("a quarter of those like them", "half of them", "three quarters of them")
    return [
        (
            f"{what}, {name}",
            _day(day),
            f"by then {like} have ordered again, in {(day - at).days} days" if day else f"{like}: never",
        )
        for name, day, like in zip(("P25", "P50", "P75"), expected, about, strict=True)
    ]


def _learned(ahead: Prospects) -> tuple[str, str]:
    if not ahead.fitted_to:
        return "the starting values", "too few customers have bought in the shop to learn from"
    return f"{ahead.fitted_to} customers", f"learned {ahead.fitted_on}" if ahead.fitted_on else ""


def _day(day: date | None) -> str:
    return day.isoformat() if day else "may not come again"


def _share(chance: float) -> str:
    return f"{100 * chance:.0f} %"


def _money(amount: Money | None) -> str:
    return f"{amount.rounded():f} {amount.currency}" if amount else "-"


def _third(tier: str) -> str:
    return {"low": "in the lower third of prices", "mid": "in the middle third of prices"}.get(
        tier, "in the upper third of prices"
    )


def _as_json(seen: CustomerView, accounts: tuple[str, ...]) -> dict[str, Any]:
    from aftercare.prospects import told, told_days

    known = seen.bought
    return {
        "customer": seen.id,
        "accounts": list(accounts),
        "shop": seen.shop,
        "segments": seen.segments._asdict(),
        "bought": {
            "orders": known.orders,
            "days": known.days,
            "first": known.first.isoformat() if known.first else None,
            "last": known.last.isoformat() if known.last else None,
            "spent": {currency: f"{amount:f}" for currency, amount in sorted(known.spent.items())},
        },
        "prospects": told(seen.prospects) if seen.prospects else None,
        "next_order_noted": told_days(seen.noted) if seen.noted else None,
        "interests": [
            {"family": one.family, "much": round(one.much, 3), "bought": round(one.bought, 3), "looked": round(one.looked, 3)}
            for one in seen.interests
        ],
        "price_tier": seen.price_tier,
        "price_tiers": dict(seen.price_tiers),
    }
