"""What returns say of products: why each comes back, and whether more of it does than of the others of its family. Pure.

By steps of four weeks that are over, which do not overlap, so that no number is the difference of two. A number of fewer
returns than may be told of is not, nor what would give it away.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, NamedTuple

from store_reports.telling import Z, plain, told

SAMPLE: Final = 8
"""One order in so many is counted as sold (feedback_survey.returned.SAMPLE; a test holds the two together)."""

PRIOR: Final = 10
"""Returns that a product's reasons are taken to have before any: with the reasons of the others of its family."""

LEAST_SPREAD: Final = 0.04
"""Products of a family are never taken to be alike altogether: the least variance of the logarithm of their rates (a fifth)."""

MOST: Final = 20

Number = int | Decimal
Counts = Mapping[str, Mapping[str, Number]]
"""By part of the tally, name and number."""


class Product(NamedTuple):
    """One product's sums: returns, pieces of them, pieces that the sample saw sold, returns by reason."""

    family: str
    sku: str
    n: int = 0
    units: int = 0
    sold: int = 0
    reasons: tuple[tuple[str, int], ...] = ()


def products_of(weeks: Iterable[Counts]) -> list[Product]:
    """The sums of some weeks together, by product."""
    found: dict[str, dict[str, int]] = {}
    for parts in weeks:
        for part, numbers in parts.items():
            if part.startswith("product#"):
                own = found.setdefault(part.removeprefix("product#"), {})
                for name, number in numbers.items():
                    if name.startswith(("return/", "sold/")):
                        own[name] = own.get(name, 0) + int(number)
    made = []
    for key, own in sorted(found.items()):
        family, _, sku = key.partition(":")
        reasons = {
            name.removeprefix("return/"): n for name, n in own.items() if name not in ("return/n", "return/units", "sold/units")
        }
        counted = (own.get("return/n", 0), own.get("return/units", 0), own.get("sold/units", 0))
        if any(counted):
            made.append(Product(family, sku, *counted, tuple(sorted(reasons.items()))))
    return made


class Rate(NamedTuple):
    """How many times as many pieces come back as of the others of the family: as counted, and drawn towards 1 by how little is
    known, with the 95 % interval of that."""

    share: float
    times: float
    shrunk: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        return "more" if self.low > 1 else "less" if self.high < 1 else "alike"


def rates(products: Sequence[Product], fewest: int) -> dict[tuple[str, str], Rate]:
    """Of products whose returns and sampled sales are enough, against the others of their family together.

    The logarithm of the ratio has the variance 1/returns + 1/sampled pieces of both sides (Poisson); across a family the true
    ones spread by what is more than that (DerSimonian and Laird 1986, by moments), and each is drawn towards 0 by its share.
    """
    found: dict[tuple[str, str], Rate] = {}
    for family in sorted({one.family for one in products}):
        own = [one for one in products if one.family == family and one.sold > 0 and one.units > 0]
        seen: list[tuple[Product, float, float, float]] = []
        for one in own:
            units, sold = (sum(getattr(o, field) for o in own if o is not one) for field in ("units", "sold"))
            n = sum(o.n for o in own if o is not one)
            if min(one.n, one.sold, n, sold) < fewest:
                continue
            share = one.units / (SAMPLE * one.sold)
            log = math.log(share / (units / (SAMPLE * sold)))
            # Pieces of one return come back together, so it is returns that chance plays with.
            seen.append((one, share, log, 1 / one.n + 1 / one.sold + 1 / n + 1 / sold))
        spread = _spread([(log, variance) for _, _, log, variance in seen])
        for one, share, log, variance in seen:
            weight = spread / (spread + variance)
            half = Z * math.sqrt(weight * variance)
            middle = weight * log
            found[family, one.sku] = Rate(
                share, math.exp(log), math.exp(middle), math.exp(middle - half), math.exp(middle + half)
            )
    return found


def _spread(seen: Sequence[tuple[float, float]]) -> float:
    weights = [1 / variance for _, variance in seen]
    if len(seen) < 2:
        return LEAST_SPREAD
    middle = sum(w * log for w, (log, _) in zip(weights, seen, strict=True)) / sum(weights)
    q = sum(w * (log - middle) ** 2 for w, (log, _) in zip(weights, seen, strict=True))
    scale = sum(weights) - sum(w * w for w in weights) / sum(weights)
    return max(LEAST_SPREAD, (q - (len(seen) - 1)) / scale) if scale > 0 else LEAST_SPREAD


class Reason(NamedTuple):
    """A reason's share of a product's returns, drawn towards its share of those of the family's others by PRIOR returns; `others`
    is that share, None where nothing may be told of them: then nothing is drawn."""

    reason: str
    returns: int
    share: float
    others: float | None
    shrunk: float


def _cells(product: Product, fewest: int) -> dict[str, int | None]:
    """Its returns by reason, those without one as "", as far as they may be told."""
    said = sum(n for _, n in product.reasons)
    return told({**dict(product.reasons), "": product.n - said}, fewest)


def reasons_of(product: Product, others: Sequence[Product], fewest: int) -> list[Reason]:
    """The reasons that may be told, the most frequent first. They are shares of all its returns: a share of those with a reason
    would tell how many are without. What is said of the others is made of what may be told of each, so it gives none away."""
    known = [(o.n, _cells(o, fewest)) for o in others if o.n >= fewest]
    found = []
    for word, n in _cells(product, fewest).items():
        if n is None or not word:
            continue
        open_ = [(of, cells.get(word, 0) or 0) for of, cells in known if cells.get(word, 0) is not None]
        of, elsewhere = sum(o for o, _ in open_), sum(m for _, m in open_)
        base = elsewhere / of if of else None
        shrunk = (n + PRIOR * base) / (product.n + PRIOR) if base is not None else n / product.n
        found.append(Reason(word, n, n / product.n, base, shrunk))
    return sorted(found, key=lambda one: (-one.returns, one.reason))


def returned(weeks: Iterable[Counts], fewest: int) -> list[dict[str, Any]]:
    """The rows of the report: products of which enough came back in these weeks, most first."""
    products = products_of(weeks)
    against = rates(products, fewest)
    rows = []
    for one in sorted(products, key=lambda p: (-p.n, p.family, p.sku)):
        if one.n < fewest or not one.sku:
            continue
        others = [other for other in products if other.family == one.family and other is not one]
        rate = against.get((one.family, one.sku))
        rows.append(
            {
                "product": one.sku,
                "family": one.family,
                "returns": one.n,
                "reasons": [plain(reason) for reason in reasons_of(one, others, fewest)],
                "rate": {**plain(rate), "verdict": rate.verdict} if rate else None,
            }
        )
    return rows[:MOST]
