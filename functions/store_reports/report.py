"""The report of one week in one shop, as data: five views of what was counted, the friction board, and what became of it. Pure.

None stands where fewer customers are than may be told of, or where it would give such a number away (store_reports.telling).
"""

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from types import MappingProxyType
from typing import Any, Final

from aftercare.report_policy import TOUCHPOINTS, ReportPolicy
from aftercare.segment_policy import segment_policy
from aftercare.tally import Week, read_week
from store_reports import coming_back
from store_reports.coming_back import ComingBack
from store_reports.outcomes import segments, trials
from store_reports.returns import returned
from store_reports.steps import Parts, after, counted, over, step_of, steps
from store_reports.telling import Scores, direction, gap, mean, plain, share, told, within

BEFORE: Final = 4
"""Weeks that a week is compared with."""

SERIES: Final = 8
"""Weeks of a curve."""

RETENTION_SERIES: Final = 26
"""Weeks of the curve of who came back: it moves slowly."""

MOODS: Final = ("positive", "neutral", "negative")
FIRST_HELP: Final = ("at-risk", "wants-call")
"""Signals that say nothing of a next purchase."""

EXAMPLES: Final = 3
MOST: Final = 20
"""Lines of a table."""


def build(
    shop: str,
    week: Week,
    weeks: Mapping[Week, Parts],
    policy: ReportPolicy,
    zone: str,
    now: datetime,
    back: Mapping[Week, ComingBack] = MappingProxyType({}),
) -> dict[str, Any]:
    """`weeks` are this week's sums and those of as many before it as are kept, `back` who came back by then."""
    k = policy.fewest
    here = weeks.get(week, {})
    shown = {one: _Shown(weeks.get(one, {}), k) for one in (week.before(n) for n in range(SERIES))}
    return {
        "shop": shop,
        "week": str(week),
        "from": week.begins(zone).date().isoformat(),
        "until": (week.begins(zone).date() + timedelta(days=6)).isoformat(),
        "zone": zone,
        "made_at": now.astimezone(UTC).isoformat(timespec="seconds"),
        "fewest": k,
        "overview": _overview(here, k),
        "retention": coming_back.told(week, back, k, RETENTION_SERIES),
        "friction": _friction(here, shown[week], k),
        "themes": _themes(week, weeks, shown, k),
        "drivers": _drivers(week, weeks, k),
        "products": _products(week, shown),
        "returns": _returns(week, weeks, k),
        "service": _service(here, shown[week], k),
        "words": _words(here, k),
        "ratings": _ratings(week, weeks, policy),
        "trials": trials(week, weeks, policy, zone, now),
        "segments": segments(week, weeks, policy, segment_policy().rows, zone, now),
    }


class _Shown:
    """The cells of a week that may be told; the same whichever week's report tells of them."""

    def __init__(self, parts: Parts, k: int) -> None:
        marks = parts.get("feedback", {})
        themes = {name.split("/")[1] for name in marks if name.startswith("theme/")}
        self.customers = int(marks.get("customers/all", 0))
        self.moods = {theme: told(counted(parts, "feedback", f"theme/{theme}/"), k) for theme in themes}
        board: dict[str, dict[str, int]] = {}
        for name, number in counted(parts, "feedback", "board/").items():
            theme, place, *what = name.split("/")
            if what == ["n"] and place in TOUCHPOINTS:
                board.setdefault(theme, {})[place] = number
        self.board = {theme: told(places, k) for theme, places in board.items()}
        self.origins = {theme: told(_of_origins(parts, theme), k) for theme in themes}
        self.families: dict[tuple[str, str], int | None] = {}
        self.products: dict[tuple[str, str, str], int | None] = {}
        by_theme: dict[str, dict[str, int]] = {}
        for name, number in counted(parts, "feedback", "family/").items():
            family, theme = name.split("/")
            by_theme.setdefault(theme, {})[family] = number
        for theme, families in by_theme.items():
            rest = sum(counted(parts, "feedback", f"theme/{theme}/").values()) - sum(families.values())
            self.families |= {(f, theme): n for f, n in told({**families, "": rest}, k).items() if f}
        self._products(parts, by_theme, k)

    def _products(self, parts: Parts, by_theme: Mapping[str, Mapping[str, int]], k: int) -> None:
        found: dict[tuple[str, str], dict[str, int]] = {}
        for part in parts:
            if part.startswith("product#"):
                family, _, sku = part.removeprefix("product#").partition(":")
                for theme, number in counted(parts, part, "product/").items():
                    found.setdefault((family, theme), {})[sku] = number
        for (family, theme), skus in found.items():
            rest = by_theme.get(theme, {}).get(family, 0) - sum(skus.values())
            self.products |= {(family, sku, theme): n for sku, n in told({**skus, "": rest}, k).items() if sku}


def _of_origins(parts: Parts, theme: str) -> dict[str, int]:
    ours = counted(parts, "feedback", "origin/")
    return {name.split("/")[0]: number for name, number in ours.items() if name.split("/")[1] == theme}


def _overview(here: Parts, k: int) -> dict[str, Any]:
    asked = counted(here, "asked", "sent/")
    answers, questions = counted(here, "feedback", "survey/").get("answered", 0), asked.get("survey", 0)
    feedback = counted(here, "feedback", "customers/")
    whole = feedback.pop("all", 0)
    classified = counted(here, "routing", "classified/")
    turned, of = classified.get("turned", 0), classified.get("all", 0)
    signals = counted(here, "routing", "signal/")
    offers = counted(here, "routing", "offer/")
    return {
        "asked": questions if questions >= k else None,
        "response": plain(share(answers, questions, k)) if answers <= questions else None,
        "reminded": n if (n := asked.get("survey-reminder", 0)) >= k else None,
        "customers": whole if whole >= k else None,
        "origins": told(feedback, k),
        "turned": plain(share(turned, of, k)),
        # Of what is within a number that is told, both it and the rest have to be enough.
        "signals": {
            name: n if within(n, of - turned if name in FIRST_HELP else turned, k) else None
            for name, n in signals.items()
            if n > 0
        },
        "offers": {name: n for name, n in told({**offers, "": turned - sum(offers.values())}, k).items() if name},
    }


def _phrases(here: Parts, k: int) -> Iterator[tuple[str, str, str, str, int]]:
    """Language, theme, mood, phrase, customers: of those that enough customers used, most first."""
    sums: dict[str, int] = {}
    for part in here:
        if part.startswith("phrases#"):
            for name, number in counted(here, part, "phrase/").items():
                sums[name] = sums.get(name, 0) + number
    for name, number in sorted(sums.items(), key=lambda one: (-one[1], one[0])):
        if number >= k:
            language, theme, feeling, phrase = name.split("/", 3)
            yield language, theme, feeling, phrase, number


def _examples(here: Parts, theme: str, feeling: str, k: int) -> list[str]:
    return [phrase for _, t, f, phrase, _ in _phrases(here, k) if (t, f) == (theme, feeling)][:EXAMPLES]


def _friction(here: Parts, shown: _Shown, k: int) -> list[dict[str, Any]]:
    """The board, best known first: what was named in negative feedback, then how many were touched, then their money."""
    found: list[dict[str, Any]] = []
    numbers = here.get("feedback", {})
    for theme, places in shown.board.items():
        for place, customers in places.items():
            if customers is None:
                continue
            start = f"board/{theme}/{place}/"
            bad = int(numbers.get(f"{start}bad", 0))
            money = {
                name[len(start) :]: str(Decimal(number))
                for name, number in sorted(numbers.items())
                if name.startswith(start) and name.count("/") == 3 and int(numbers.get(f"{name}/n", 0)) >= k
                and name[len(start) :].isupper()
            }  # fmt: skip
            found.append(
                {
                    "theme": theme,
                    "touchpoint": place,
                    "customers": customers,
                    "negative": bad if within(bad, customers, k) else None,
                    "money": money,
                    "examples": _examples(here, theme, "negative", k),
                }
            )
    # Money of several currencies is no one number: what is the most in any of them decides among equals.
    found.sort(
        key=lambda row: (-(row["negative"] or 0), -row["customers"], -_most(row["money"]), row["theme"], row["touchpoint"])
    )
    return found[:MOST]


def _most(money: Mapping[str, str]) -> Decimal:
    return max(map(Decimal, money.values()), default=Decimal())


def _themes(week: Week, weeks: Mapping[Week, Parts], shown: Mapping[Week, _Shown], k: int) -> list[dict[str, Any]]:
    found = []
    before = [week.before(n) for n in range(1, BEFORE + 1)]
    for theme, moods in shown[week].moods.items():
        row: dict[str, Any] = {"theme": theme}
        for feeling in MOODS:
            row[feeling] = moods.get(feeling, 0)
        if not any(row[feeling] for feeling in MOODS):
            continue
        for feeling in ("positive", "negative"):
            row[f"{feeling}_change"] = _change(theme, feeling, week, before, weeks, shown)
        row["series"] = [
            {"week": str(one), **{f: shown[one].moods.get(theme, {}).get(f, 0) for f in ("positive", "negative")}}
            for one in sorted(shown)
        ]
        row["examples"] = {f: _examples(weeks.get(week, {}), theme, f, k) for f in ("positive", "negative")}
        found.append(row)
    found.sort(key=lambda row: (-(row["negative"] or 0), -(row["positive"] or 0), row["theme"]))
    return found[:MOST]


def _change(
    theme: str, feeling: str, week: Week, before: Sequence[Week], weeks: Mapping[Week, Parts], shown: Mapping[Week, _Shown]
) -> dict[str, Any] | None:
    """Against the share of customers in the weeks before: which way, and from where if each of those weeks may be told."""
    name = f"theme/{theme}/{feeling}"

    def number(one: Week) -> int:
        return int(weeks.get(one, {}).get("feedback", {}).get(name, 0))

    then, of = sum(map(number, before)), sum(shown[one].customers for one in before)
    if of <= 0 or shown[week].moods[theme].get(feeling, 0) is None:
        return None
    open_weeks = all(shown[one].moods.get(theme, {}).get(feeling, 0) is not None for one in before)
    return {
        "direction": direction(number(week), shown[week].customers, then, of),
        "share": round(number(week) / shown[week].customers, 4) if shown[week].customers else None,
        "share_before": round(then / of, 4) if open_weeks else None,
    }


def _scores(weeks: Sequence[Parts], name: str) -> Scores:
    found = Scores()
    for parts in weeks:
        own = parts.get("feedback", {})
        found = found.plus(Scores(*(int(own.get(f"{name}/{what}", 0)) for what in ("n", "sum", "squares"))))
    return found


def _drivers(week: Week, weeks: Mapping[Week, Parts], k: int) -> dict[str, list[dict[str, Any]]]:
    """What goes with high and low scores: this week's mean with a theme or part against the mean without it."""
    here = [weeks.get(week, {})]
    own = here[0].get("feedback", {})
    found: dict[str, list[dict[str, Any]]] = {}
    for kind, base in (("theme", "words"), ("part", "survey")):
        whole, rows = _scores(here, f"driver/{base}"), []
        for name in sorted({n.split("/")[2] for n in own if n.startswith(f"driver/{kind}/")}):
            having = _scores(here, f"driver/{kind}/{name}")
            lacking = whole.minus(having)
            # Who spoke of it without a score is the rest of those who spoke of it.
            rest = sum(counted(here[0], "feedback", f"theme/{name}/").values()) - having.n if kind == "theme" else 0
            if having.n < k or lacking.n < k or 0 < rest < k:
                continue
            with_it, without = mean(having, k), mean(lacking, k)
            rows.append({"name": name, "with": plain(with_it), "without": plain(without), **plain(gap(having, lacking))})
        found[base] = sorted(rows, key=lambda row: (-abs(row["difference"]), row["name"]))[:MOST]
    return found


def _products(week: Week, shown: Mapping[Week, _Shown]) -> dict[str, list[dict[str, Any]]]:
    """What is asked for and what is wrong, by family and by product; how many weeks running it may be told says what is known."""
    here, latest = shown[week], [shown[one] for one in sorted(shown, reverse=True)]

    def running(cells: Sequence[int | None]) -> int:
        return next((n for n, cell in enumerate(cells) if not cell), len(cells))

    families: list[dict[str, Any]] = [
        {"family": f, "theme": t, "customers": n, "weeks": running([one.families.get((f, t)) for one in latest])}
        for (f, t), n in here.families.items()
        if n
    ]
    products: list[dict[str, Any]] = [
        {
            "product": sku,
            "family": f,
            "theme": t,
            "customers": n,
            "weeks": running([one.products.get((f, sku, t)) for one in latest]),
        }
        for (f, sku, t), n in here.products.items()
        if n
    ]
    return {
        "families": sorted(families, key=lambda row: (-row["customers"], row["family"], row["theme"]))[:MOST],
        "products": sorted(products, key=lambda row: (-row["customers"], row["product"], row["theme"]))[:MOST],
    }


def _returns(week: Week, weeks: Mapping[Week, Parts], k: int) -> dict[str, Any]:
    """Over the newest step of four weeks that is over: what came back after it is in the next."""
    step = step_of(over(week) - 1)
    return {"from": str(step[0]), "until": str(step[-1]), "products": returned([weeks.get(one, {}) for one in step], k)}


def _service(here: Parts, shown: _Shown, k: int) -> dict[str, Any]:
    opened = counted(here, "routing", "rescue/").get("opened", 0)
    answered, results = counted(here, "routing", "answered/"), counted(here, "routing", "result/")
    minutes = answered.pop("minutes", 0)
    all_answered, in_time = sum(answered.values()), counted(here, "routing", "clock/").get("in-time", 0)
    themes = {theme: by["case"] for theme, by in shown.origins.items() if by.get("case")}

    def of_opened(cells: Mapping[str, int]) -> dict[str, int | None]:
        return {name: n for name, n in told({**cells, "": opened - sum(cells.values())}, k).items() if name}

    return {
        "topics": told(counted(here, "feedback", "case/"), k),
        "themes": dict(sorted(themes.items(), key=lambda one: (-(one[1] or 0), one[0]))),
        "opened": opened if opened >= k else None,
        "answered": of_opened(answered),
        "mean_minutes": round(minutes / all_answered) if all_answered >= k else None,
        "in_time": plain(share(in_time, all_answered, k)) if within(all_answered, opened, k) else None,
        "missed": {what: n if within(n, opened, k) else None for what, n in counted(here, "routing", "missed/").items() if n > 0},
        "results": of_opened(results),
        "after": told(counted(here, "routing", "rescue/after/"), k),
    }


def _words(here: Parts, k: int) -> list[dict[str, Any]]:
    """How customers who are content say it."""
    found = [
        {"language": language, "theme": theme, "phrase": phrase, "customers": number}
        for language, theme, feeling, phrase, number in _phrases(here, k)
        if feeling == "positive"
    ]
    return found[:MOST]


def _ratings(week: Week, weeks: Mapping[Week, Parts], policy: ReportPolicy) -> list[dict[str, Any]]:
    """Each family's mean by steps of four weeks that are over, and what it is to be by the target: that of the first step (from
    the target's own week on, if it has one) and so much more."""
    k, target = policy.fewest, policy.rating_target
    own = {name for parts in weeks.values() for name in parts.get("feedback", {})}
    since = read_week(target.since) if target.since else None
    found = []
    for family in sorted({name.split("/")[1] for name in own if name.startswith("rating/")}):
        rows = []
        for step in steps(week):
            measured = mean(_scores([weeks.get(one, {}) for one in step], f"rating/{family}"), k)
            if measured:
                rows.append((step[-1], measured))
        first = next((one for one in rows if since is None or one[0] >= since), None)
        if first is None:
            continue
        found.append(
            {
                "family": family,
                "steps": [{"until": str(until), **plain(measured)} for until, measured in rows],
                "first": round(first[1].mean, 4),
                "now": round(rows[-1][1].mean, 4),
                "target": round(min(5.0, first[1].mean + target.better_by), 2),
                "by": str(after(first[0], target.weeks)),
            }
        )
    return found
