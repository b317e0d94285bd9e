"""A message in few words: the letter that it is made from, its subject and opening, and the hash of what its reader gets."""

from hashlib import sha256

from aftercare.brand import brand
from aftercare.one_line import plain
from aftercare.outside import Outside
from message_gate.candidate import Candidate
from message_gate.letter import Letter, frame
from message_gate.mailing import allowed_blocks, links, reader_of, told_of, tone_of
from message_gate.render import CannotRender, first_words
from message_gate.stationery import Words, stationery
from message_gate.tone import Chosen
from message_gate.view import VIEWS

LONGEST_TITLE = 60
LONGEST_BODY = 178
"""Characters that a locked phone shows of a notification."""


def words_for(candidate: Candidate) -> tuple[Words, str, Chosen]:
    """The template's words in the reader's language and tone, that language, and the tone with what chose it."""
    locale = reader_of(candidate.customer, candidate.order)
    tone = tone_of(candidate, locale, candidate.proposal.blocks)
    return stationery().words(candidate.proposal.template, locale, brand().default_locale, tone.tone), locale, tone


def letter_for(outside: Outside, candidate: Candidate) -> tuple[Letter, Chosen]:
    """All that a short form is made from, and the tone of it; it carries no part of another purpose. CannotRender."""
    order, proposal = candidate.order, candidate.proposal
    if order is None and "order" in proposal.references:
        raise CannotRender(f"{proposal.template}: the order that it is about is not on record")
    words, locale, tone = words_for(candidate)
    own = tuple(block for block in allowed_blocks(candidate, "") if block.purpose in (None, proposal.purpose))
    signed = links(outside, candidate)
    made = (proposal, candidate.customer, order, brand(), candidate.catalogue(), signed, words, locale, own, False, ())
    return Letter(*made, told_of(outside, proposal)), tone


def subject_and_opening(letter: Letter) -> tuple[str, str]:
    """The mail's subject and what it says first, as plain text on one line each. CannotRender."""
    view_of = VIEWS.get(letter.message.template)
    if view_of is None:
        raise CannotRender(f"template: expected one of {', '.join(VIEWS)}, found {letter.message.template}")
    own = view_of(letter, frame(letter, None))
    return plain(str(own["subject"]), LONGEST_TITLE), plain(first_words(own), LONGEST_BODY)


def version(letter: Letter) -> str:
    return stationery().version(letter.message.template, letter.words.locale, letter.words.tone)


def hashed(*parts: str) -> str:
    """SHA-256 of all that the reader gets, 32 hex characters."""
    return sha256("\0".join(parts).encode()).hexdigest()[:32]
