"""docs/frequency.md has the limits, signs and silences of content/frequency.yaml, with their numbers, and no other."""

import re
from pathlib import Path

import pytest

from aftercare.consent import Purpose
from aftercare.decision import Reason
from message_gate.frequency import Silence, frequency_policy

PAGE = (Path(__file__).resolve().parents[2] / "docs/frequency.md").read_text(encoding="utf-8")
POLICY = frequency_policy()


def table(heading):
    """The rows of the table whose first column has this heading, each as its cells without backticks."""
    found = re.search(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", PAGE, re.M)
    return [[cell.strip().strip("`") for cell in row.strip("|").split("|")] for row in found[1].splitlines()]


def test_every_limit_is_on_the_page():
    rows = [[name, counts, on, int(most), within] for name, counts, on, most, within in table("limit")]
    assert rows == [
        [one.name, ", ".join(one.purposes), ", ".join(one.channels) or "all channels", one.at_most, f"{one.hours} hours"]
        for one in POLICY.caps
    ]


def test_every_sign_is_on_the_page_with_what_it_does():
    rows = table("sign")
    assert [(sign, days, float(times)) for sign, _, days, times in rows] == [
        (one.sign, f"{one.days} days", one.times) for one in POLICY.spacing.signs
    ]
    for (_, seen, _, _), one in zip(rows, POLICY.spacing.signs, strict=True):
        assert one.after is None or f"the last {one.after} " in seen
    assert [(name, float(times)) for name, times in table("bound")] == [
        ("least", POLICY.spacing.bounds.least),
        ("most", POLICY.spacing.bounds.most),
    ]


@pytest.mark.parametrize(
    ("row", "days", "reason"),
    [
        (0, "open_case_days", Reason.OPEN_CASE),
        (1, "parcel_at_risk_days", Reason.PARCEL_AT_RISK),
        (2, "bad_cue_days", Reason.BAD_EXPERIENCE),
    ],
)
def test_every_silence_is_on_the_page(row, days, reason):
    _, counts_for, named = table("what")[row]
    assert (counts_for.split()[0], named) == (str(getattr(POLICY.silence, days)), str(reason))
    assert f"{', '.join(POLICY.silence.purposes)} messages" in " ".join(PAGE.split())
    assert f"every {POLICY.silence.look_again_hours} hours" in PAGE


def test_the_page_has_a_row_for_each_setting_of_silence():
    assert len(table("what")) == len([name for name in Silence.model_fields if name.endswith("_days")])


def test_news_of_an_order_are_under_none_of_it():
    assert Purpose.TRANSACTIONAL not in {purpose for one in POLICY.caps for purpose in one.purposes}
    assert Purpose.TRANSACTIONAL not in POLICY.silence.purposes


def test_what_the_page_reckons_for_who_answers_nothing():
    apart = next(one for one in POLICY.caps if one.name == "offers-apart").hours
    factors, factor = [], 1.0
    for one in (one for one in POLICY.spacing.signs if one.sign == "fading"):
        factor *= one.times
        factors.append(round(apart * min(factor, POLICY.spacing.bounds.most)))
    assert f"every {apart}, then {factors[0]}, then {factors[1]} hours" in PAGE
