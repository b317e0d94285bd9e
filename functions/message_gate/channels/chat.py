"""A message on WhatsApp: an approved template with its values, or free text within 24 hours of the person's own last message.

The template that Meta approves is the phrase `sms` of our words with its placeholders numbered in their order; so the values
are filled in that order.
"""

from string import Formatter

from aftercare.consent import Channel
from aftercare.outgoing import Chat
from aftercare.outside import Outside
from message_gate.channels import REPLIES, Written
from message_gate.channels.brief import hashed, letter_for, version
from message_gate.channels.text import written
from message_gate.rules import MARKETING, Candidate
from message_gate.sms import short_values


def write_chat(outside: Outside, candidate: Candidate) -> Written:
    """The WhatsApp message for a candidate's number."""
    proposal = candidate.proposal
    number, _ = candidate.addresses[Channel.WHATSAPP]
    if candidate.may_chat_freely or proposal.template in REPLIES:
        short, made_of, tone = written(outside, candidate)
        chat = Chat(recipient=number, message_id=proposal.message_id, text=short.text)
        return Written(lambda: outside.chats.send(chat), made_of, hashed(short.text), tone, {"form": "conversation"})
    letter, tone = letter_for(outside, candidate)
    phrase, known = letter.words.phrase("sms"), short_values(letter)
    names = [name for _, name, _, _ in Formatter().parse(phrase) if name is not None]
    values = tuple(known[name] for name in names)
    name = proposal.template.replace("-", "_")
    chat = Chat(
        recipient=number,
        message_id=proposal.message_id,
        template=name,
        language=letter.words.locale.replace("-", "_"),
        values=values,
    )
    category = "marketing" if proposal.purpose in MARKETING else "utility"
    saw = {"form": name, "category": category}
    return Written(lambda: outside.chats.send(chat), version(letter), hashed(name, *values), tone, saw)
