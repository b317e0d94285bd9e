"""A message on WhatsApp: an approved template with its values, or free text within 24 hours of the person's own last message.

The template that Meta approves is the usual phrase `sms` of our words, in no particular tone, with its placeholders numbered in
their order; so the values are filled in that order.
"""

from string import Formatter

from aftercare.brand import brand
from aftercare.consent import Channel
from aftercare.learned import ASKS
from aftercare.outgoing import Chat
from aftercare.outside import Outside
from message_gate.candidate import MARKETING, Candidate
from message_gate.channels import REPLIES, Shown, Written
from message_gate.channels.brief import hashed, letter_for
from message_gate.channels.text import written
from message_gate.sms import short_values
from message_gate.stationery import stationery


def context(candidate: Candidate) -> str:
    """What comes back with Meta's events: which message, whose, and whether an answer is hoped for."""
    proposal = candidate.proposal
    return f"{proposal.message_id}.{candidate.customer.id}.{'yes' if proposal.purpose in ASKS else 'no'}"


def write_chat(outside: Outside, candidate: Candidate) -> Written:
    """The WhatsApp message for a candidate's number."""
    proposal = candidate.proposal
    number, _ = candidate.addresses[Channel.WHATSAPP]
    if candidate.may_chat_freely or proposal.template in REPLIES:
        short, made_of, tone = written(outside, candidate)
        chat = Chat(recipient=number, message_id=proposal.message_id, context=context(candidate), text=short.text)
        saw = {"form": "conversation"}
        return Written(lambda: outside.chats.send(chat), made_of, hashed(short.text), tone, saw, Shown(None, short.text))
    letter, _ = letter_for(outside, candidate)
    words = stationery().words(proposal.template, letter.locale, brand().default_locale)
    phrase, known = words.phrase("sms"), short_values(letter)
    names = [name for _, name, _, _ in Formatter().parse(phrase) if name is not None]
    values = tuple(known[name] for name in names)
    name = proposal.template.replace("-", "_")
    chat = Chat(
        recipient=number,
        message_id=proposal.message_id,
        context=context(candidate),
        template=name,
        language=words.locale.replace("-", "_"),
        values=values,
    )
    made_of = stationery().version(proposal.template, words.locale)
    category = "marketing" if proposal.purpose in MARKETING else "utility"
    saw = {"form": name, "category": category}
    shown = Shown(None, phrase.format(**known))
    return Written(lambda: outside.chats.send(chat), made_of, hashed(name, *values), None, saw, shown)
