"""How the words of a message are read for what they say: past case, punctuation, unseen signs, entities and tags.

`Wording` is a text as it is heard; `Phrase` is one line of manners.yaml, or a word that the brand avoids, looked for in it.
"""

import html
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, NamedTuple

from pydantic import AfterValidator

from aftercare.model import Model

SLOT = "\ue000"
"""Stands for what is filled in only when the message is made."""

_UNSAID = "\ue001"
_INLINE = "a|abbr|b|big|em|font|i|mark|s|small|span|strong|sub|sup|u|wbr"

_TOKEN = re.compile(
    rf"""(?P<gone>\{{\#.*?\#\}}|\{{%.*?%\}}|<!--(?!\[if).*?-->|<(?P<unseen>style|script|title)\b.*?</(?P=unseen)\s*>|</?(?:{_INLINE})(?=[\s/>])[^<>]*>)
    |(?P<slot>\{{\{{.*?\}}\}}|\{{[a-z_]+\}})
    |(?P<block><!--\[if[^>]*>|<!\[endif\]-->|</?[a-zA-Z!][^<>]*>)
    |(?P<entity>&(?:\#[0-9]+|\#[xX][0-9a-fA-F]+|[A-Za-z][A-Za-z0-9]*);)
    |(?P<end>[.!?]+(?=[\s"'”’)]|$))
    |(?P<sign>.)""",
    re.DOTALL | re.VERBOSE,
)
_SPOKEN_ATTRIBUTES = re.compile(r"""\b(?:alt|title|aria-label)\s*=\s*(?:"([^"]*)"|'([^']*)')""", re.IGNORECASE)
_SPACED_OUT = re.compile(r"(?<!\S)(?:[^\W\d_] ){3,}[^\W\d_](?!\S)")


class Said(NamedTuple):
    """A phrase where it was found: as it stands there, and from which character of the source on."""

    text: str
    at: int


@lru_cache(maxsize=4096)
def _heard(sign: str) -> str:
    """One character as it is heard: a letter or digit in lower case, a space, or nothing."""
    if sign in (SLOT, _UNSAID):
        return sign
    found = ""
    for one in unicodedata.normalize("NFKC", sign).casefold():
        kind = unicodedata.category(one)
        if kind == "Cf" or one in "'’‘`´ʼ":
            continue
        found += one if kind[0] in "LNM" else " "
    return found


class Wording:
    """A text as it is heard: letters and digits in lower case with single spaces, a line for each sentence."""

    def __init__(self, source: str) -> None:
        self.source = unicodedata.normalize("NFC", source)
        self._places: list[int] = []
        heard: list[str] = []
        for sign, place in self._signs():
            if sign == " " and (not heard or heard[-1] in " \n"):
                continue
            heard.append(sign)
            self._places.append(place)
        self.text = "".join(heard)
        self._join_what_is_spaced_out()

    def _signs(self) -> Iterator[tuple[str, int]]:
        for token in _TOKEN.finditer(self.source):
            start, kind, text = token.start(), token.lastgroup, token[0]
            if kind == "unseen":
                kind = "gone"
            if kind == "end":
                # Three dots are a breath, not an end: "Last ... chance" is one thing said.
                yield ("\n" if len(text) < 3 or set(text) != {"."} else " "), start
            elif kind == "slot":
                yield SLOT, start
            elif kind in ("sign", "entity"):
                for sign in html.unescape(text):
                    yield from ((one, start) for one in _heard(sign))
            elif kind == "block":
                yield " ", start
            if kind in ("block", "gone") and text.startswith("<"):
                for spoken in _SPOKEN_ATTRIBUTES.finditer(text):
                    yield "\n", start
                    for sign in html.unescape(spoken[1] or spoken[2] or ""):
                        yield from ((one, start) for one in _heard(sign))
                    yield "\n", start

    def _join_what_is_spaced_out(self) -> None:
        for spaced in reversed(list(_SPACED_OUT.finditer(self.text))):
            keep = range(spaced.start(), spaced.end(), 2)
            self._places[spaced.start() : spaced.end()] = [self._places[n] for n in keep]
            self.text = self.text[: spaced.start()] + "".join(self.text[n] for n in keep) + self.text[spaced.end() :]

    def without(self, honest: Iterable[re.Pattern[str]]) -> str:
        """The text with what may be said taken out of it, at the same length."""
        text = self.text
        for pattern in honest:
            text = pattern.sub(lambda found: _UNSAID * len(found[0]), text)
        return text

    def said(self, found: re.Match[str]) -> Said:
        """What stands in the source where the pattern was found in the text."""
        first, last = self._places[found.start()], self._places[found.end() - 1]
        there = self.source[first : last + 1]
        return Said(found[0].replace(SLOT, "…") if re.search(r"[<>{}&]", there) else " ".join(there.split()), first)


@lru_cache(maxsize=4096)
def heard(source: str) -> Wording:
    """The wording of a text: the same texts are read in each language and for each sample."""
    return Wording(source)


# ---------------------------------------------------------------- phrases

_COUNTED = "one|two|three|four|five|six|seven|eight|nine|ten|eine?n?|zwei|drei|vier|fünf|sechs|sieben|acht|neun|zehn"
_NUMBER = rf"(?:\d[\d ]*|{SLOT}|{_COUNTED})"


def _word(text: str) -> str:
    return (
        re.escape(text).replace(r"\*", r"\w*").replace("_", _NUMBER).replace(r"\(", "(?:").replace(r"\)", ")").replace(r"\|", "|")
    )


@lru_cache(maxsize=2048)
def pattern(line: str) -> re.Pattern[str]:
    """A line of manners.yaml as a pattern for a wording's text. ValueError where it cannot be one.

    `*` is any ending, `_` any number, `[word]` may be missing, `...` up to three words, `(one|another)` either.
    """
    plain = re.sub(r"\(([^()]*)\)", lambda found: found[0].replace(" ", "\ue002"), unicodedata.normalize("NFC", line).casefold())
    found = ""
    for part in re.sub(r"['’]", "", plain).replace("-", " ").split():
        may_miss = re.fullmatch(r"\[(.+)\]", part)
        if part == "...":
            found += r"(?: [^\s]+){0,3}"
        elif may_miss:
            found += f"(?: (?:{_word(may_miss[1])}))?"
        else:
            found += (" " if found else "") + f"(?:{_word(part)})"
    if not found or found.startswith("(?: "):
        raise ValueError(f"expected a phrase that begins with a word, found {line!r}")
    try:
        return re.compile(rf"(?<![^\W_])(?:{found})(?![^\W_])".replace("\ue002", " ").replace("\\ue002", " "))
    except re.error as error:
        raise ValueError(f"expected words with * _ [word] ... (one|another), found {line!r}: {error}") from error


def _line(line: str) -> str:
    pattern(line)
    return line


Line = Annotated[str, AfterValidator(_line)]


class Manners(Model):
    """manners.yaml: per language what no message says, and the honest phrases that sound like it."""

    urgency: Mapping[str, tuple[Line, ...]]
    shaming: Mapping[str, tuple[Line, ...]]
    honest: Mapping[str, tuple[Line, ...]]


_ENDINGS = {
    "en": r"(?:s|es|d|ed|ing|ly|ness)?",
    "de": r"(?:e|n|s|t|st|em|en|er|es|in|innen|ere[mnrs]?|(?:e?ste)[mnrs]?)?",
}


@lru_cache(maxsize=1024)
def inflected(words: str, language: str) -> re.Pattern[str]:
    """A word or phrase with the endings that it takes in the language; a long German word also as the head of a compound."""
    found = []
    for word in Wording(words).text.split():
        stem = word
        if language == "de":
            stem = (
                re.sub(r"(?:e[mnrs]|[ens])$", "", word) if len(word) > 5 else re.sub(r"e$", "", word) if len(word) == 5 else word
            )
        elif language == "en" and len(word) > 4:
            stem = re.sub(r"e$", "", word)
        ending = r"\w*" if language == "de" and len(stem) > 6 else _ENDINGS.get(language, "")
        found.append(re.escape(stem) + (f"(?:e|{ending})?{ending}" if stem != word and language == "en" else ending))
    return re.compile(rf"(?<![^\W_]){' '.join(found)}(?![^\W_])")


@dataclass(frozen=True, slots=True)
class Rule:
    """What is looked for, what it is called when it is found, and what was expected."""

    pattern: re.Pattern[str]
    what: str
    expected: str


def rules(manners: Manners, language: str) -> list[Rule]:
    """What no message of the language says, whatever the store's tone."""
    return [
        *(Rule(pattern(line), "false urgency", "no pressure without a fact") for line in manners.urgency.get(language, ())),
        *(Rule(pattern(line), "shaming refusal", "a refusal in plain words") for line in manners.shaming.get(language, ())),
    ]


def honest(manners: Manners, language: str) -> list[re.Pattern[str]]:
    return [pattern(line) for line in manners.honest.get(language, ())]
