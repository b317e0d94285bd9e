"""A message as a notification on the device that was last in use: the mail's subject and opening, and where it leads."""

from datetime import timedelta

from aftercare.consent import Channel
from aftercare.links import LinkPurpose
from aftercare.outgoing import Push
from aftercare.outside import Outside
from message_gate.candidate import Candidate
from message_gate.channels import Shown, Written
from message_gate.channels.brief import hashed, letter_for, subject_and_opening, version
from message_gate.letter import Letter

LONGEST_LIFE = timedelta(days=28)
"""What Google keeps for a device that is off."""


def write_push(outside: Outside, candidate: Candidate) -> Written:
    """The notification for a candidate's device."""
    proposal = candidate.proposal
    endpoint, _ = candidate.addresses[Channel.PUSH]
    letter, tone = letter_for(outside, candidate)
    title, body = subject_and_opening(letter)
    push = Push(
        endpoint=endpoint,
        title=title,
        body=body,
        lives_for=min(proposal.not_after - candidate.now, LONGEST_LIFE),
        data={"aftercare-message": proposal.message_id, "url": leads_to(letter)},
    )
    return Written(lambda: outside.pushes.send(push), version(letter), hashed(title, body), tone, shown=Shown(title, body))


def leads_to(letter: Letter) -> str:
    """What a tap opens: what the message tells of, the order, or the choices where it is about neither."""
    if letter.publication is not None:
        return letter.publication.url
    if letter.about is not None:
        return letter.link(LinkPurpose.STATUS, letter.about.key)
    return letter.link(LinkPurpose.PREFERENCES, f"{Channel.PUSH}:{letter.message.message_id}")
