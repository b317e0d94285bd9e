"""Who still buys, how often, and for how much: BG/NBD and Gamma-Gamma, in closed form and pure Python.

Fader, Hardie and Lee, "Counting Your Customers" the Easy Way, Marketing Science 24(2), 2005 (orders); Fader and Hardie, The
Gamma-Gamma Model of Monetary Value, 2013 (amounts). A customer is three numbers: `x` repeat purchases on different days, `tx`
the days from the first to the last, `age` the days since the first. Seven parameters say how a store's customers are.
"""

import json
import math
from collections.abc import Sequence
from datetime import date
from functools import lru_cache
from typing import TYPE_CHECKING, NamedTuple

from aftercare.table import Item

if TYPE_CHECKING:
    from aftercare.segments import Bought

TERMS = 2000
"""Terms of a hypergeometric series that are summed at most."""

CLOSE = 1e-12
"""A term this small beside the sum ends it."""


LARGEST = 700.0
"""Logarithm of odds beyond which a chance is none; a float's exponential ends a little later."""


class Orders(NamedTuple):
    """BG/NBD: purchase rates are Gamma(`r`, `alpha`) over customers, in purchases a day; the chance to leave for good after a
    purchase is Beta(`a`, `b`)."""

    r: float
    alpha: float
    a: float
    b: float


class Amounts(NamedTuple):
    """Gamma-Gamma: a purchase's value is Gamma(`p`, nu), nu is Gamma(`q`, `gamma`) over customers."""

    p: float
    q: float
    gamma: float


class Model(NamedTuple):
    """A store's seven parameters, the currency of the amounts, how many customers they were fitted to, and when."""

    orders: Orders
    amounts: Amounts
    currency: str
    customers: int = 0
    fitted: date | None = None

    def to_json(self) -> str:
        fitted = self.fitted.isoformat() if self.fitted else None
        return json.dumps([self.orders, self.amounts, self.currency, self.customers, fitted])


USUAL = Model(Orders(0.62, 58.0, 0.35, 2.6), Amounts(3.5, 4.0, 60.0), "EUR")
"""Of a store that knows too few customers: half of a year's first buyers come back, those who come back every two months."""


def model_from(item: Item | None) -> Model:
    """The parameters that a shop's knowledge holds; the usual ones where it holds none."""
    return USUAL if item is None or "model" not in item else _read(str(item["model"]))


@lru_cache(maxsize=8)
def _read(told: str) -> Model:
    """A store's parameters stand for a week, and are asked for with every order."""
    orders, amounts, currency, customers, fitted = json.loads(told)
    return Model(Orders(*orders), Amounts(*amounts), currency, customers, date.fromisoformat(fitted) if fitted else None)


class Buyer(NamedTuple):
    """One customer as the model sees them, times in days. Of many who look alike `x` may be their mean."""

    x: float
    tx: float
    age: float


def buyer(bought: "Bought", today: date) -> Buyer | None:
    """None for who has no order that stands. Several orders of a day are one purchase."""
    if bought.first is None or bought.last is None:
        return None
    age = max((today - bought.first).days, (bought.last - bought.first).days)
    return Buyer(max(bought.days - 1, 0), float((bought.last - bought.first).days), float(age))


def likelihood(model: Orders, x: float, tx: float, age: float) -> float:
    """ln of equation 6: of `x` repeat purchases, the last at `tx`, within `age`."""
    r, alpha, a, b = model
    log, gamma = math.log, math.lgamma
    common = gamma(r + x) - gamma(r) + r * log(alpha) + gamma(a + b) + gamma(b + x) - gamma(b) - gamma(a + b + x)
    stays = -(r + x) * log(alpha + age)
    if x == 0:
        return common + stays
    leaves = log(a) - log(b + x - 1) - (r + x) * log(alpha + tx)
    high = max(stays, leaves)
    return common + high + log(math.exp(stays - high) + math.exp(leaves - high))


def active(model: Orders, one: Buyer) -> float:
    """P(still a customer). Who bought once and never again has had no occasion to leave: 1 (equation 7 and its note)."""
    x = one.x
    if not x:
        return 1.0
    alpha = model.alpha
    odds = math.log(model.a / (model.b + x - 1)) + (model.r + x) * math.log((alpha + one.age) / (alpha + one.tx))
    return 1.0 / (1.0 + math.exp(odds)) if odds < LARGEST else 0.0


def returns(model: Orders, one: Buyer, days: float) -> float:
    """P(at least one purchase within so many days): still a customer, and a rate that is Gamma(r + x, alpha + age)."""
    there = model.alpha + one.age
    stays_away: float = (there / (there + days)) ** (model.r + one.x)
    return active(model, one) * (1.0 - stays_away)


def expected_orders(model: Orders, one: Buyer, days: float) -> float:
    """Purchases to expect within so many days (equation 10)."""
    return orders_of_active(model, one, days) * active(model, one)


def orders_of_active(model: Orders, one: Buyer, days: float) -> float:
    """Purchases to expect within so many days of somebody who is still a customer: equation 10 without P(active).

    The paper's (1 - z)^(r+x) 2F1(r + x, b + x; c; z), c = a + b + x - 1, is by Euler's transformation
    (1 - z)^(a-1) 2F1(c - r - x, a - 1; c; z): its terms do not grow with x, so nothing over- or underflows.
    """
    r, alpha, a, b = model
    if abs(a - 1.0) < 1e-6:
        a = 1.0 + 1e-6
    c = a + b + one.x - 1.0
    if abs(c) < 1e-9:
        c = 1e-9
    z = days / (alpha + one.age + days)
    rest: float = (1.0 - z) ** (a - 1.0) * hypergeometric(a + b - 1.0 - r, a - 1.0, c, z)
    return max(0.0, c / (a - 1.0) * (1.0 - rest))


def hypergeometric(a: float, b: float, c: float, z: float) -> float:
    """Gauss's 2F1 by its series, for 0 <= z < 1."""
    term = total = 1.0
    for n in range(TERMS):
        term *= (a + n) * (b + n) / ((c + n) * (n + 1.0)) * z
        total += term
        if abs(term) < CLOSE * abs(total):
            break
    return total


def expected_spend(model: Amounts, purchases: float, mean: float) -> float:
    """What the next purchase is expected to be worth: the customer's own mean, drawn to the store's (equation 5)."""
    p, q, gamma = model
    weight = p * purchases
    return p * (gamma + purchases * mean) / (weight + q - 1.0) if weight + q > 1.0 else mean


def spend_likelihood(model: Amounts, purchases: float, mean: float) -> float:
    """ln of equation 1a: of `purchases` with this mean."""
    p, q, gamma = model
    shape = p * purchases
    log, lg = math.log, math.lgamma
    fixed = lg(shape + q) - lg(shape) - lg(q)
    return fixed + q * log(gamma) + (shape - 1) * log(mean) + shape * log(purchases) - (shape + q) * log(gamma + purchases * mean)


# ---------------------------------------------------------------- the next order

OWN = 3.0
"""So many of a customer's own intervals count as much as the store's model."""

SPREAD = 0.7
"""Standard deviation of the logarithm of an interval, before a customer's own are known; worth OWN of them."""

QUARTERS = (0.25, 0.5, 0.75)

FARTHEST = 3650.0
FINE, EXACT = 0.1, 0.002
"""A day's tenth, and a probability, that are near enough."""

ROOT, ROOT_PI = math.sqrt(2.0), math.sqrt(2.0 * math.pi)


def next_order(model: Orders, one: Buyer, intervals: Sequence[float]) -> tuple[float, float, float]:
    """Days from now to the next order of somebody who comes back, P25, P50 and P75.

    Two distributions of the wait, given that it has lasted since the last order: the model's, a Gamma mixture of exponentials,
    and the log-normal of the customer's own intervals (days, in any order); the more of these, the more they count.
    """
    first, second, third = _quantiles(model, one, intervals, QUARTERS)
    return first, second, third


def comes_again(model: Orders, one: Buyer, intervals: Sequence[float]) -> tuple[float | None, ...]:
    """Days from now by which a quarter, a half and three quarters of those like them have ordered again; None where so many never
    do, or not within ten years. As next_order(), of everybody: who has left for good has no next order."""
    there = active(model, one)
    shares = [share / there for share in QUARTERS if share < there]
    found = [days if days < FARTHEST - 1.0 else None for days in _quantiles(model, one, intervals, shares)]
    return (*found, *[None] * (len(QUARTERS) - len(found)))


def waits(model: Orders, bought: "Bought", intervals: Sequence[float]) -> tuple[float | None, ...]:
    """Days from somebody's last order to the next, as they were expected with it: comes_again() of that day."""
    one = buyer(bought, bought.last) if bought.last else None
    return comes_again(model, one, intervals) if one else (None, None, None)


def _quantiles(model: Orders, one: Buyer, intervals: Sequence[float], shares: Sequence[float]) -> list[float]:
    known = [math.log(max(days, 1.0)) for days in intervals]
    many = len(known)
    weight = many / (many + OWN)
    middle = sum(known) / many if many else 0.0
    spread = math.sqrt((OWN * SPREAD**2 + sum([(value - middle) ** 2 for value in known])) / (OWN + many))
    waited = one.age - one.tx
    there, shape = model.alpha + one.age, model.r + one.x

    so_far = 0.5 * math.erfc((math.log(waited) - middle) / (spread * ROOT)) if waited > 0.0 else 1.0
    if so_far < 1e-6:  # so long after their usual day their own intervals say nothing more
        weight, so_far = 0.0, 1.0
    part, rest = weight / so_far, 1.0 - weight

    def after(share: float) -> float:
        """Where so many are no later: Newton's way, kept between the two distributions' own quantiles."""
        left = 1.0 - share
        by_all = there * math.expm1(min(-math.log(left) / shape, 99.0))
        if not weight:
            return min(by_all, FARTHEST)
        own = max(math.exp(middle + spread * _normal(left * so_far)) - waited, 0.0)
        low, high = min(own, by_all), min(max(own, by_all), FARTHEST)
        if low >= FARTHEST:
            return FARTHEST
        days: float = min(max(own**weight * by_all**rest, low), high)
        while high - low > FINE:
            whole = waited + days
            z = (math.log(whole) - middle) / spread if whole > 0.0 else -9.0
            mixed = rest * (there / (there + days)) ** shape
            over = part * 0.5 * math.erfc(z / ROOT) + mixed - left
            if abs(over) < EXACT:
                break
            low, high = (days, high) if over > 0.0 else (low, days)
            density = part * math.exp(-0.5 * z * z) / (spread * whole * ROOT_PI) if whole > 0.0 else 0.0
            days += over / (density + shape * mixed / (there + days))
            if not low < days < high:
                days = (low + high) / 2
        return days

    return [after(share) for share in shares]


def _normal(over: float) -> float:
    """What a standard normal exceeds with the chance `over`, to 5e-4 (Abramowitz and Stegun 26.2.23)."""
    if over > 0.5:
        return -_normal(1.0 - over)
    t = math.sqrt(-2.0 * math.log(over))
    return t - (2.515517 + t * (0.802853 + t * 0.010328)) / (1.0 + t * (1.432788 + t * (0.189269 + t * 0.001308)))
