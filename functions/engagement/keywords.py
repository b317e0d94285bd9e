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

_STOPS = AWS_STOPS.union(
    ("abbestellen", "abmelden", "abmeldung", "arretez", "aufhoeren", "baja", "beenden", "ende"),
    ("kuendigen", "kuendigung", "revoke", "stopall", "stopp", "stoppen"),
)
_ALSO_WITHIN = frozenset(
    ("abbestellen", "abmelden", "arret", "arretez", "optout", "revoke", "stop", "stopall", "stopp", "unsubscribe")
)
"""What is clear as a sentence of its own beside others, such as a signature; `cancel` may be of an order there."""
_HELPS = AWS_HELPS | {"info", "hilfe", "aide"}
_STARTS = frozenset(("start", "unstop"))
_POLITE = frozenset(
    (
        *(
            "1",
            "2",
            "3",
            "4",
            "5",
            "all",
            "alle",
            "alles",
            "bitte",
            "danke",
            "das",
            "hi",
            "it",
            "jetzt",
            "me",
            "mich",
            "now",
            "please",
            "pls",
            "plz",
        ),
        *("sms", "sofort", "spam", "texts", "thank", "thanks", "this", "to", "you"),
    )
)


@lru_cache(maxsize=1)
def _clear() -> tuple[re.Pattern[str], ...]:
    """What says it clearly; compiled with the first text that is more than a keyword."""
    news = r"(texts?|messages?|sms|notifications|ads|spam)"
    wants = "(want|wish|like|need) (to )?((get|receive|have|hear) )?"
    nachrichten = r"(sms|nachrichten|werbung|texte|infos)"
    patterns = (
        r"\b(stop|quit|cease) (texting|messaging|sending|contacting|spamming|writing|bothering)\b",
        rf"\b(stop|no more|end|cancel) (the |these |those |all |your |sms |text )*{news}\b",
        rf"^no (more )?({news} )?(please|thanks|thank you)?$|^no (more )?{news}$",
        r"\b(dont|do not|never) (text|message|contact|write|sms)( to)? (me|us|this|any)\b",
        rf"\b(dont|do not|never) send (me |us |any |more |these |those |such |your )*({news}|anything)\b",
        rf"\b(dont|do not|no longer|never) {wants}(any |more |these |your |such )*{news}\b",
        r"\b(remove|take|delete) (me|my number|this number) (off|from)\b",
        r"^(please )?(remove|delete) (me|(my|this) number)( please)?$",
        r"\bopt(ing)?( me)? ?out\b",
        r"\bunsubscribe\b",
        r"\b(revoke|withdraw) (my |the )?consent\b",
        r"^(sorry )?(this is |you have |its )?(a |the )?wrong number( stop| sorry)?$",
        r"\bno longer (want|wish)\b.*\b(texts?|messages?|sms|hear)\b",
        r"\bleave me alone\b",
        rf"\bkeine (weiteren )?{nachrichten} mehr\b",
        rf"^(bitte )?keine {nachrichten}( bitte)?$",
        rf"\b(moechte|will|wuensche) keine (weiteren )?{nachrichten}\b",
        r"\b(schreib|schreiben sie|schreibt) mir (bitte )?(nichts|nicht|keine)\b",
        rf"\b(schick|schicken sie|schickt|sende|senden sie|sendet) mir (bitte )?(nichts mehr|keine (weiteren )?{nachrichten})\b",
        r"\bnicht mehr (anschreiben|kontaktieren|schreiben)\b|^(bitte )?(mir )?nicht mehr (schicken|senden)( bitte)?$",
        r"\b(hoert|hoeren sie|hoer) (bitte )?(damit )?auf\b",
        r"\b(abmelden|abbestellen|austragen)\b",
        r"\b(loesch|loescht|loeschen sie) (bitte )?(meine|diese) (handy|mobil|telefon)?nummer\b",
        r"\bwiderrufe (hiermit )?(meine|die) (einwilligung|zustimmung)\b",
        r"\blass(t|en sie)? mich in ruhe\b",
    )
    return tuple(re.compile(pattern) for pattern in patterns)


_NOT_MEANT = re.compile(r"\b(dont|do not|never|please dont|nicht) (stop|cancel|unsubscribe|abmelden|abbestellen)\b")

_ENDS = re.compile(r"[.!?,;:\n\r]+")

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
    if word in _HELPS:
        return Wish.HELP
    if word in _STARTS:
        return Wish.START
    return Wish.STOP if word in _STOPS or _stops(text, said) else Wish.OTHER


def _stops(text: str, said: str) -> bool:
    """Whether a text of more than a keyword says clearly to stop."""
    if len(text) > LONGEST_SENTENCE or _NOT_MEANT.search(said):
        return False
    if {word for word in said.split() if word not in _POLITE} <= _STOPS and _STOPS.intersection(said.split()):
        return True
    alone = (_keyword(plainly(sentence)) for sentence in _ENDS.split(text))
    return any(word in _ALSO_WITHIN for word in alone) or any(pattern.search(said) for pattern in _clear())


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
    """The one word that is meant, however often, where the others are only polite; `opt out` is one, and so are letters apart."""
    words = said.replace("opt out", "optout").replace("stop all", "stopall").split()
    if len(words) > 1 and all(len(word) == 1 for word in words):
        words = ["".join(words)]
    meant = {word for word in words if word not in _POLITE} or set(words)
    return meant.pop() if len(meant) == 1 else None
