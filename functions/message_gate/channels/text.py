"""A message as a text: one segment where it can be, the brand named, and the way out where it is owed."""

from aftercare.brand import brand
from aftercare.consent import Channel, Says
from aftercare.learned import ASKS
from aftercare.outgoing import Text
from aftercare.outside import Outside
from message_gate.candidate import MARKETING, Candidate
from message_gate.channels import REPLIES, Shown, Written
from message_gate.channels.brief import hashed, letter_for, version, words_for
from message_gate.render import CannotRender
from message_gate.sms import Sms, counted, short_form
from message_gate.stationery import stationery
from message_gate.tone import Chosen


def context(outside: Outside, candidate: Candidate) -> dict[str, str]:
    """What comes back with the provider's events: whose message it is, and of which stage."""
    proposal = candidate.proposal
    return {
        "aftercare-message": proposal.message_id,
        "aftercare-customer": candidate.customer.id,
        "aftercare-stage": outside.settings.need("stage"),
        "aftercare-asks": "yes" if proposal.purpose in ASKS else "no",
    }


def reply(candidate: Candidate) -> tuple[Sms, str, Chosen]:
    """The answer to what a person just wrote, its version and its tone. Where a STOP was for one kind of message only, it says so
    (rule C18)."""
    words, _, tone = words_for(candidate)
    our, heads = brand(), candidate.customer.consent.heads
    others = any(str(head.channel) == candidate.proposal.references.get("channel") and head.says is Says.GIVEN for head in heads)
    some = candidate.proposal.template == "reply-stopped" and others
    said = words.say("sms_some" if some else "sms", brand=our.name, help=our.support.short or our.support.page)
    return counted(said), stationery().version(candidate.proposal.template, words.locale, words.tone), tone


def written(outside: Outside, candidate: Candidate) -> tuple[Sms, str, Chosen]:
    """The short form of a candidate, the version of its words and their tone. CannotRender, NoShortForm, MissingWord."""
    if candidate.proposal.template in REPLIES:
        return reply(candidate)
    letter, tone = letter_for(outside, candidate)
    return short_form(letter, way_out=candidate.proposal.purpose in MARKETING), version(letter), tone


def write_text(outside: Outside, candidate: Candidate) -> Written:
    """The text for a candidate's number."""
    proposal = candidate.proposal
    number, _ = candidate.addresses[Channel.SMS]
    short, made_of, tone = written(outside, candidate)
    if not short.text.strip():
        raise CannotRender(f"{proposal.template}: its text message is empty")
    text = Text(
        recipient=number,
        body=short.text,
        promotional=proposal.purpose in MARKETING,
        lives_for=proposal.not_after - candidate.now,
        context=context(outside, candidate),
    )
    saw = {"encoding": short.encoding, "units": short.units, "segments": short.segments}
    return Written(lambda: outside.texts.send(text), made_of, hashed(short.text), tone, saw, Shown(None, short.text))
