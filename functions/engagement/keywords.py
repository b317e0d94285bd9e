"""What a person means by a short text: to stop, to start again, to get help, or something that somebody has to read.

Stop words are those of the FCC (47 CFR 64.1200(a)(10)), of AWS's managed opt-out list and of the languages that we write in; in
any case, with any punctuation and spaces, alone or with a please. Clear sentences count as well: no keyword may be the only way.
"""

import re
import unicodedata
from enum import StrEnum
from functools import lru_cache


class Wish(StrEnum):
    STOP = "stop"
    START = "start"
    HELP = "help"
    ANSWER = "answer"
    OTHER = "other"


AWS_STOPS = frozenset(("arret", "cancel", "end", "optout", "quit", "remove", "stop", "td", "unsubscribe"))
"""AWS answers these by itself and puts the number on its opt-out list ("Required keywords"), unless opt-outs are self-managed."""

AWS_HELPS = frozenset(("help",))

_STOPS = AWS_STOPS | {"revoke", "stopall", "stopp", "ende", "abbestellen", "abmelden", "kuendigen", "baja"}
_HELPS = AWS_HELPS | {"info", "hilfe", "aide"}
_STARTS = frozenset(("start", "unstop"))
_POLITE = frozenset(
    (
        "all",
        "alle",
        "alles",
        "bitte",
        "danke",
        "das",
        "it",
        "jetzt",
        "mich",
        "me",
        "now",
        "please",
        "sms",
        "sofort",
        "texts",
        "thanks",
    )
)


@lru_cache(maxsize=1)
def _clear() -> tuple[re.Pattern[str], ...]:
    """What says it clearly; compiled with the first text that is more than a keyword."""
    patterns = (
        r"\b(stop|quit|cease) (texting|messaging|sending|contacting|spamming|writing|bothering)\b",
        r"\b(stop|no more|end|cancel) (the |these |those |all |your |sms |text )*(texts?|messages?|sms|notifications)\b",
        r"\b(dont|do not|never) (text|message|contact|write|sms|send)( to)? (me|us|this|any)\b",
        r"\b(remove|take|delete) (me|my number|this number) (off|from)\b",
        r"\bopt(ing)?( me)? ?out\b",
        r"\bunsubscribe\b",
        r"\bno longer (want|wish)\b.*\b(texts?|messages?|sms|hear)\b",
        r"\bleave me alone\b",
        r"\bkeine (weiteren )?(sms|nachrichten|werbung|texte) mehr\b",
        r"\b(schreib|schreiben sie|schreibt|schickt|schicken sie|sendet|senden sie) mir (bitte )?(nichts|nicht|keine)\b",
        r"\bnicht mehr (anschreiben|kontaktieren|schreiben|schicken|senden)\b",
        r"\b(hoert|hoeren sie|hoer) (bitte )?(damit )?auf\b",
        r"\b(abmelden|abbestellen|austragen)\b",
        r"\blass(t|en sie)? mich in ruhe\b",
    )
    return tuple(re.compile(pattern) for pattern in patterns)


_NOT_MEANT = re.compile(r"\b(dont|do not|never|please dont|nicht) (stop|cancel|unsubscribe|abmelden|abbestellen)\b")

LONGEST_SENTENCE = 300
"""A longer text is read by a person: what it asks for is not clear from one phrase in it."""

_SPELLED = str.maketrans({"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss"})


def plainly(text: str) -> str:
    """Lower-case letters, digits and single spaces: accents, apostrophes and punctuation are gone."""
    folded = unicodedata.normalize("NFKC", text).casefold().translate(_SPELLED)
    bare = "".join(c for c in unicodedata.normalize("NFKD", folded) if not unicodedata.combining(c))
    return " ".join(re.sub(r"[^a-z0-9]+", " ", re.sub("['’`]", "", bare)).split())


def wish(text: str) -> Wish:
    """What the text asks for."""
    said = plainly(text)
    word = _keyword(said)
    if word in _STOPS:
        return Wish.STOP
    if word in _HELPS:
        return Wish.HELP
    if word in _STARTS:
        return Wish.START
    clear = len(text) <= LONGEST_SENTENCE and not _NOT_MEANT.search(said) and any(p.search(said) for p in _clear())
    return Wish.STOP if clear else Wish.OTHER


_SCORE = re.compile(
    r"([1-5])(?![.,]\d)(?: ?/ ?5| ?(?:stars?|sterne?|points?|punkte?))?(?:$|[\s.,:;!?)\-]+(.*))", re.DOTALL | re.IGNORECASE
)
_KEYCAP = str.maketrans("", "", "\ufe0f\u20e3")


def scored(text: str) -> tuple[int, str] | None:
    """A score from 1 to 5 at the beginning, and the words after it: `4 slow delivery`. None for any other text.

    Whether it answers a question is for who knows whether one was asked: `2 of them are missing` begins so, too.
    """
    found = _SCORE.fullmatch(text.translate(_KEYCAP).strip())
    return (int(found[1]), (found[2] or "").strip()) if found else None


def answered_by_aws(text: str) -> bool:
    """Whether AWS's managed keywords take this text and answer it."""
    return _keyword(plainly(text)) in AWS_STOPS | AWS_HELPS


def _keyword(said: str) -> str | None:
    """The one word that is meant, where the others are only polite; `opt out` is one."""
    words = said.replace("opt out", "optout").replace("stop all", "stopall").split()
    meant = [w for w in words if w not in _POLITE] or words
    return meant[0] if len(meant) == 1 else None
