"""What reading a text costs, in times what VADER takes for the same text in the same run: a ratio is the same on any machine."""

import gc
import importlib
import importlib.util
import math
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from feedback_survey.reading.model import Model
from feedback_survey.reading.parsed import parse
from feedback_survey.reading.read import read, said, words_of
from feedback_survey.reading.themes import found

DIFFERENT = 400
"""So many different texts: one repeated would stay in the processor's caches."""

TOGETHER = 20
ROUNDS = 16
VADER = "VADER"


def per_text(texts: Sequence[str], model: Model) -> dict[str, Any]:
    """Microseconds of this machine for a text's language, sentiment and themes, together and by part, and in times VADER's
    sentiment of it.

    Each small group by its best of rounds in which the tasks take turns, every other round in the other order: a busy machine
    slows no task more than another. Without VADER (the package vaderSentiment) there is no ratio.
    """
    texts = texts[:DIFFERENT]
    parsed = {text: parse(text) for text in texts}
    words = {text: words_of(each) for text, each in parsed.items()}
    tasks: dict[str, Callable[[str], object]] = {
        "whole": lambda text: read(parse(text), model),
        "tokens and language": parse,
        "sentiment": lambda text: model.leaning(*said(parsed[text])),
        "themes": lambda text: found(parsed[text], words[text]),
    }
    if importlib.util.find_spec("vaderSentiment"):
        tasks[VADER] = importlib.import_module("vaderSentiment.vaderSentiment").SentimentIntensityAnalyzer().polarity_scores
    spent = _best(tasks, [texts[start : start + TOGETHER] for start in range(0, len(texts), TOGETHER)])
    took = {name: seconds / len(texts) for name, seconds in spent.items()}
    vader = took.pop(VADER, None)
    return {
        "characters": sum(map(len, texts)) / len(texts),
        "microseconds": 1e6 * took["whole"],
        "in_times_vader": took["whole"] / vader if vader else None,
        "parts": {name: each / vader for name, each in took.items() if name != "whole"} if vader else None,
    }


def _best(tasks: Mapping[str, Callable[[str], object]], groups: Sequence[Sequence[str]]) -> dict[str, float]:
    """Seconds that each task takes for all groups."""
    best = {name: [math.inf] * len(groups) for name in tasks}
    turns = [*tasks.items()]
    gc.disable()
    try:
        for _ in range(ROUNDS):
            for number, group in enumerate(groups):
                for name, task in turns:
                    began = time.perf_counter()
                    for text in group:
                        task(text)
                    best[name][number] = min(best[name][number], time.perf_counter() - began)
            turns.reverse()
    finally:
        gc.enable()
    return {name: sum(of) for name, of in best.items()}
