"""D1: what a forecast and a lesson cost in processor time, in parses of an event: counted by the capability itself, in process.

The model is its function's own. Its measurement is run by its name, as `aftercare evaluate` is.
"""

from __future__ import annotations

import runpy
import sys

from simulator.bench.measure import Result, Say
from simulator.commands.options import ROOT


def measure(say: Say) -> list[Result]:
    say("D1: forecasts and lessons beside parses")
    path = list(sys.path)
    sys.path.insert(0, str(ROOT / "functions"))
    try:
        cost = runpy.run_module("shipping_delay.evaluation.cost")["measure"]()
    finally:
        sys.path[:] = path
    note = f"json.loads of an event of {cost.event_bytes} bytes in the same run"
    return [
        Result("D1", "a delay forecast / parse", round(cost.predict, 2), 2.0, "at most", "x", note),
        Result("D1", "a lesson of a parcel / parse", round(cost.update, 2), 4.0, "at most", "x", note),
    ]
