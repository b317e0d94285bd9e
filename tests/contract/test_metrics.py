"""Every metric that the code counts is explained, and every explained one is counted."""

import ast
import re
from pathlib import Path

from aftercare.decision import State

ROOT = Path(__file__).resolve().parents[2]
KINDS = ("relay", "claimed", "unknown", "slot", "erasure", "parked", "request", "inbound")


def words_in_code():
    """Pascal words of at least two parts in the functions' text constants, where a metric is named or chosen."""
    found = set()
    for file in [*(ROOT / "functions").rglob("*.py"), *(ROOT / "layers/shared/aftercare").rglob("*.py")]:
        text = file.read_text(encoding="utf-8")
        if "telemetry" not in text and "metrics" not in text:
            continue
        found |= {n.value for n in ast.walk(ast.parse(text)) if isinstance(n, ast.Constant) and isinstance(n.value, str)}
    return found


def documented():
    table = (ROOT / "docs/metrics.md").read_text(encoding="utf-8").split("|---|", 1)[1]
    return {
        name for row in table.splitlines() for name in re.findall(r"`([A-Z][A-Za-z]+)`", row.split("|")[1] if "|" in row else "")
    }


def made():
    """Names that the code puts together from a kind or a state."""
    settled = {f"Message{state.title()}" for state in State if state not in (State.CLAIMED, State.PARKED)}
    return settled | {f"Due{kind.title()}" for kind in KINDS} | {f"Oldest{kind.title()}Seconds" for kind in KINDS}


def test_every_documented_metric_is_one_that_the_code_counts():
    assert documented() - made() - words_in_code() == set()


def test_every_counted_metric_is_documented():
    counted = set()
    for file in (ROOT / "functions").rglob("*.py"):
        text = file.read_text(encoding="utf-8")
        counted |= set(re.findall(r"(?:count|gauge)\(\s*\"([A-Za-z]+)\"", text))
        counted |= {
            name
            for group in re.findall(r"metrics(?:=|\.append\()\(?([^)\n]*)", text)
            for name in re.findall(r"\"([A-Z]\w+)\"", group)
        }
    assert counted | made() <= documented()
    assert len(counted) > 20
