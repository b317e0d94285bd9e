"""A message in the inbox of the account page alone: nobody carries it, so it has arrived when the ledger says so."""

from aftercare.outside import Accepted, Outside
from message_gate.candidate import Candidate
from message_gate.channels import Shown, Written
from message_gate.channels.brief import hashed, letter_for, subject_and_opening, version


def write_inbox(outside: Outside, candidate: Candidate) -> Written:
    """The copy for a candidate's inbox."""
    letter, tone = letter_for(outside, candidate)
    title, body = subject_and_opening(letter)
    provider_id = f"inbox-{candidate.proposal.message_id}"
    return Written(lambda: Accepted(provider_id), version(letter), hashed(title, body), tone, shown=Shown(title, body))
