"""The words of `aftercare evaluate delay`, and what it prints and writes."""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import fields, replace
from functools import partial
from itertools import chain
from pathlib import Path
from typing import Any, TextIO

from pydantic import ValidationError

from aftercare.evaluation.arguments import BadInput
from aftercare.evaluation.command import Progress, add_columns, add_period, add_results, answer, draw, parser_of, reading, tell
from aftercare.evaluation.rows import open_rows
from shipping_delay.evaluation import evaluate
from shipping_delay.evaluation.metrics import alert_threshold
from shipping_delay.evaluation.orders import LAYOUTS, ColumnMissing, Columns, fitting, number, read_centroids
from shipping_delay.evaluation.pages import picture, write
from shipping_delay.policy import Peak, shipping_policy

FIELDS = tuple(field.name for field in fields(Columns))


def _peak(text: str) -> Peak:
    begins, _, until = text.partition(":")
    try:
        return Peak.model_validate({"name": "peak", "from": begins, "until": until})
    except ValidationError:
        raise argparse.ArgumentTypeError(f"{text!r}: expected MM-DD:MM-DD") from None


def _amount(text: str) -> float:
    found = number(text)
    if found is None:
        raise argparse.ArgumentTypeError(f"{text!r}: expected a number from 0 on")
    return found


def parser() -> argparse.ArgumentParser:
    said = "Replay an order history and print how good the delay forecast would have been on it."
    delay = parser_of("delay", said, "The columns and what each number means")
    delay.add_argument("file", type=Path, metavar="ORDERS.csv", help="one row per order, gzipped or not")
    add_period(delay, "hand-overs")
    delay.add_argument("--layout", choices=sorted(LAYOUTS), default="default", help="a known set of column names")
    add_columns(delay, FIELDS)
    delay.add_argument("--dates", metavar="FORM", help="your own form of times, as strptime has it: %%d/%%m/%%Y %%H:%%M")
    delay.add_argument("--centroids", type=Path, metavar="FILE", help="CSV of zip3, lat, lng: distances")
    delay.add_argument("--lead-days", type=_amount, default=30.0, help="where the file has no hand-over column")
    delay.add_argument("--miss-cost", type=_amount, help="a missed delay, in needless notices (default: from shipping.yaml)")
    delay.add_argument("--needless-per-100", type=_amount, help="budget of needless notices (default: from shipping.yaml)")
    delay.add_argument("--peak", type=_peak, action="append", metavar="MM-DD:MM-DD", help="(default: from shipping.yaml)")
    add_results(delay)
    return delay


def run(chosen: argparse.Namespace, out: TextIO, err: TextIO) -> int:
    policy, progress = shipping_policy(), Progress(err)
    given = policy.needless_notices_per_100 if chosen.needless_per_100 is None else chosen.needless_per_100
    changes: dict[str, Any] = dict(chosen.column)
    try:
        with reading(chosen.file):
            rows = open_rows(chosen.file)
            first = next(rows, {})
            report = evaluate(
                chain([first], rows) if first else (),
                _columns(chosen.layout, changes, first),
                since=chosen.since,
                until=chosen.until,
                centroids=read_centroids(chosen.centroids) if chosen.centroids else None,
                lead_days=chosen.lead_days,
                dates=chosen.dates,
                threshold=policy.threshold if chosen.miss_cost is None else alert_threshold(chosen.miss_cost),
                needless_per_100=given,
                peaks=policy.peaks if chosen.peak is None else chosen.peak,
                with_lightgbm=not chosen.no_lightgbm,
                passing=lambda at: progress(f"replaying {at:%Y-%m}"),
            )
    except ColumnMissing as error:
        raise BadInput(str(error)) from error
    tell(report, chosen.json, write, out)
    if not report["hand_over"]:
        return 1
    draw(chosen.to_folder, "delay", partial(picture, report), err)
    return 0


def _columns(layout: str, changes: Mapping[str, Any], header: Mapping[str, str]) -> Columns:
    columns = replace(LAYOUTS[layout], **changes)
    return fitting(columns, [name for name in header if name], changes.keys()) if header else columns


def main(arguments: Sequence[str] | None = None, out: TextIO | None = None, err: TextIO | None = None) -> int:
    """The command; its exit code: 0 with a result, 1 when there was nothing to score, 2 for bad input."""
    return answer(parser(), run, arguments, out, err)
