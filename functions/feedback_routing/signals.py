"""From what somebody said to what it means: how they feel, who they are, what it says of their next purchase. Pure and total.

A score is the customer's own word and decides. Words beside it, where they read surely the other way, move it by one step
towards the worse: whoever gives four stars and describes a failure is not asked to praise it. Nothing moves it up.
"""

from typing import NamedTuple

from aftercare.answer_words import Score, Sentiment, Standing, Wish
from aftercare.feedback import BAD, GOOD
from aftercare.signal_words import Respondent, Signal

SURE = 0.75
"""From this confidence on, words count against the score beside them."""


class Said(NamedTuple):
    """What was said, as far as it was: a score, how the words read and how surely, a wish, whether to be called."""

    score: Score | None = None
    sentiment: Sentiment | None = None
    confidence: float = 0.0
    wish: Wish | None = None
    call: bool = False
    on_return: bool = False
    """Whether it was said of something that goes back."""


class History(NamedTuple):
    """What is known of who said it: standing orders, what became of the order it is about, whether a case is open."""

    orders: int
    standing: Standing = "stands"
    case_open: bool = False


class Meant(NamedTuple):
    """What it comes to; `signals` in the order in which the table of offers is asked."""

    mood: Sentiment
    respondent: Respondent
    signals: tuple[Signal, ...]


def meant(said: Said, history: History) -> Meant:
    """The one answer for every combination of what may be said and known."""
    mood = _mood(said)
    respondent = _respondent(said, mood, history)
    return Meant(mood, respondent, _signals(said, mood, respondent, history))


def _mood(said: Said) -> Sentiment:
    if said.score is None:
        # Why something goes back is no praise: the return is on its way already, and only a sure complaint asks for more.
        sure = said.confidence >= SURE or not said.on_return
        return (said.sentiment if sure else None) or "neutral"
    if said.score in BAD:
        return "negative"
    against = said.sentiment == "negative" and said.confidence >= SURE
    if said.score in GOOD:
        return "neutral" if against else "positive"
    return "negative" if against else "neutral"


def _respondent(said: Said, mood: Sentiment, history: History) -> Respondent:
    """The top score, or the one below it with words that surely praise (a lone four stars is content, no more)."""
    if not history.orders:
        return "other"
    praised = said.sentiment == "positive" and said.confidence >= SURE
    top = said.score == GOOD[-1] or (praised and said.score in (None, *GOOD))
    return "promoter" if mood == "positive" and top else "customer"


_WISHED: dict[Wish, Signal] = {"demo": "wants-demo", "tip": "wants-tip", "promotion": "wants-promotion"}


def _signals(said: Said, mood: Sentiment, respondent: Respondent, history: History) -> tuple[Signal, ...]:
    """Who is unhappy is helped and sold nothing; nor is anybody whose order went wrong or who has a case open."""
    found: list[Signal] = []
    if mood == "negative":
        found.append("at-risk")
    if said.call:
        found.append("wants-call")
    if mood == "negative":
        return tuple(found)
    if said.wish:
        found.append(_WISHED[said.wish])
    all_well = history.standing == "stands" and not history.case_open
    if mood == "positive" and all_well and respondent != "other":
        found += ["recommends", "ready-for-more"] if respondent == "promoter" else ["ready-for-more"]
    if mood == "neutral" and all_well:
        found.append("unsure")
    return tuple(found)
