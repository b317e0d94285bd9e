"""What reading a text costs, in times what VADER takes for the same text in the same run: a ratio is the same on any machine."""

import gc
import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Sequence

from feedback_survey.reading.model import Model
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import read

DIFFERENT = 400
"""So many different texts: one repeated would stay in the processor's caches."""

TOGETHER = 20
ROUNDS = 15


def per_text(texts: Sequence[str], model: Model) -> dict[str, float | None]:
    """Microseconds of this machine for a text's language, sentiment and themes, and in times VADER's sentiment of it.

    Each small group by its best of interleaved rounds: a busy machine slows no task more than another. Without VADER (the
    package vaderSentiment) there is no ratio.
    """
    texts = texts[:DIFFERENT]
    groups = [texts[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)]
    tasks: list[Callable[[str], object]] = [lambda text: read(parse(text), model)]
    if importlib.util.find_spec("vaderSentiment"):
        tasks.append(importlib.import_module("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer().polarity_scores)
    best = [[math.inf] * len(groups) for _ in tasks]
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for number, group in enumerate(groups):
                for of, task in zip(best, tasks, strict=True):
                    began = time.perf_counter()
                    for text in group:
                        task(text)
                    of[number] = min(of[number], time.perf_counter() - began)
    finally:
        gc.enable()
    spent = [sum(of) / len(texts) for of in best]
    return {
        "characters": sum(map(len, texts)) / len(texts),
        "microseconds": 1e6 * spent[0],
        "in_times_vader": spent[0] / spent[1] if len(spent) > 1 else None,
    }
