"""A message as a notification on the device that was last in use: the mail's subject and opening, and where it leads."""

from datetime import timedelta

from aftercare.consent import Channel
from aftercare.links import LinkPurpose
from aftercare.outgoing import Push
from aftercare.outside import Outside
from message_gate.channels import Shown, Written
from message_gate.channels.brief import hashed, letter_for, subject_and_opening, version
from message_gate.rules import Candidate

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
        data={"aftercare-message": proposal.message_id, "url": letter.link(LinkPurpose.STATUS, letter.order.key)},
    )
    return Written(lambda: outside.pushes.send(push), version(letter), hashed(title, body), tone, shown=Shown(title, body))
