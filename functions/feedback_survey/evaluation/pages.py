"""The report for people: tables as text, and how reliable P(negative) is as a picture (HTML and PNG)."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, TextIO

from aftercare.evaluation.pictures import reliability_picture
from aftercare.evaluation.tables import reliability_lines, table

FORECAST, HAPPENED = "forecast P(negative)", "share that was negative"
LIMIT = 300 * 1024
"""Bytes that a store's model of one language may take."""

_METRICS: tuple[tuple[str, str], ...] = (
    ("n", "6d"), ("macro_f1", "9.3f"), ("auc_negative", "12.3f"), ("accuracy", "9.3f"), ("unsaid", "7.3f"),
    ("logloss", "8.3f"), ("brier", "6.3f"), ("ece", "6.3f"),
)  # fmt: skip
_RATES: tuple[tuple[str, str], ...] = (("n", "6d"), ("precision", "10.3f"), ("recall", "7.3f"), ("f1", "6.3f"))


def measured(found: Mapping[str, Any]) -> bool:
    """Whether there was anything to score in a file."""
    return bool(found.get("methods") or found.get("sources") or found.get("themes"))


def write(report: Mapping[str, Any], out: TextIO) -> None:
    """The report as text tables, file by file."""
    for name, found in report["files"].items():
        bad = found["bad"]
        lines = [
            f"{name}: {found['kind']}, {found['rows']} rows; {bad['n']} not used: {bad['reasons']}, first lines {bad['lines']}"
        ]
        if measured(found):
            lines += {"answers": _answers, "sentences": _sentences, "themes": _themes}[found["kind"]](found)
            lines += _cost(found["cost"])
        else:
            lines.append("nothing to score")
        out.write("\n".join([*lines, "", ""]))


def _answers(found: Mapping[str, Any]) -> list[str]:
    lines = _language(found)
    lines += table(f"scored from {found['since']}", found["methods"], _METRICS)
    lines += table("online, by class", found["methods"]["online"]["classes"], _RATES)
    lines += table("online, by month", found["months"], _METRICS)
    lines += reliability_lines("online", found["methods"]["online"]["reliability"])
    sizes = ", ".join(f"{language} {size / 1024:.1f} KB" for language, size in found["state"].items())
    return [*lines, "", f"state after {found['learned']} answers (at most {LIMIT // 1024} KB a language): {sizes}"]


def _sentences(found: Mapping[str, Any]) -> list[str]:
    rates = (("n", "6d"), ("lexicon only", "12.3f"), ("taught by the others", "20.3f"))
    return _language(found) + table("AUC of negative, by source", found["sources"], rates)


def _themes(found: Mapping[str, Any]) -> list[str]:
    both = {name: found[name] for name in ("as they are", "cross-validated")}
    lines = table("themes, micro", both, _RATES) + table("themes as they are", found["themes"], _RATES)
    folds = ", ".join(f"{fold:.3f}" for fold in found["cross-validated"]["folds"])
    lines += ["", f"F1 by fold: {folds}"]
    return [*lines, f"phrases that were wrong more often than right: {', '.join(found['misleading']) or 'none'}"]


def _language(found: Mapping[str, Any]) -> list[str]:
    return [
        f"language {found['language']}; without a hint {100 * found['language_found']:.1f} % of the texts are found to be in it"
    ]


def _cost(cost: Mapping[str, Any]) -> list[str]:
    said = "vaderSentiment is not installed, so there is no ratio"
    if cost["in_times_vader"] is not None:
        parts = ", ".join(f"{name} {ratio:.2f}" for name, ratio in cost["parts"].items())
        said = f"{cost['in_times_vader']:.2f} times VADER's ({parts})"
    return ["", f"reading a text of {cost['characters']:.0f} characters: {cost['microseconds']:.0f} us here, {said}"]


def picture(name: str, found: Mapping[str, Any], page: Path) -> Path:
    """Write how reliable P(negative) is: a page, and a PNG beside it, whose path comes back."""
    curves = {method: row["reliability"] for method, row in found["methods"].items()}
    said = (
        "Of the answers that it takes for negative with 30 percent, 30 of 100 should be: a good reading lies on the line. "
        f"{name}: {found['rows']} answers, {found['methods']['online']['n']} scored from {found['since']} on."
    )
    title = "How reliable the reading of customers' words is"
    return reliability_picture(page, title, said, curves, FORECAST, HAPPENED, "answers")
