"""Each bar with how it is measured. What a bar means is written beside it; the table prints value, bar and ok."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Result:
    """One measured bar. `ok` is None where it could not be measured (then `note` says why), or where there is no bar."""

    id: str
    what: str
    value: float | None
    bar: float | None
    good: Literal["at most", "at least"] = "at most"
    unit: str = ""
    note: str = ""

    @property
    def ok(self) -> bool | None:
        if self.value is None or self.bar is None:
            return None
        return self.value <= self.bar if self.good == "at most" else self.value >= self.bar

    def as_json(self) -> dict[str, Any]:
        names = ("id", "what", "value", "bar", "good", "ok", "unit", "note")
        return {name: getattr(self, name) for name in names}

    def shown(self, number: float | None) -> str:
        if number is None:
            return "-"
        plain = f"{number:.0f}" if number == int(number) or number >= 100 else f"{number:.2f}"
        return f"{plain} {self.unit}".strip()

    def limit(self) -> str:
        if self.bar is None:
            return ""
        return f"{'≤' if self.good == 'at most' else '≥'} {self.shown(self.bar)}"


def measure(wanted: Sequence[str], say: Say) -> list[Result]:
    """The bars asked for, in their order. `say` hears what is being worked on."""
    from simulator.bench import artefact, calls, channels, cold_start, customers, forecast, speed, wave

    groups: tuple[tuple[tuple[str, ...], Callable[[Say], list[Result]]], ...] = (
        (("P1", "P2", "P3", "P6"), cold_start.measure),
        (("P5", "P8"), artefact.measure),
        (("P9",), calls.measure),
        (("D1",), forecast.measure),
        (("D2",), customers.measure),
        (("C1",), channels.measure),
        (("P16",), wave.measure),
        (("P17",), speed.measure),
    )
    found: list[Result] = []
    for ids, work in groups:
        if set(ids) & set(wanted):
            found += [result for result in work(say) if result.id in wanted]
    return sorted(found, key=lambda result: BARS.index(result.id))


BARS: Final = ("P1", "P2", "P3", "P5", "P6", "P8", "P9", "D1", "D2", "C1", "P16", "P17")
