"""What a provider's refusal tells of an address: a device without the app, or a number that its person has opted out."""

from datetime import datetime

from aftercare import keys, telemetry
from aftercare.consent import Actor, Channel, Says, Statement
from aftercare.consent_log import Spoken, record, stopped
from aftercare.consent_policy import revoked
from aftercare.customer import Customer
from aftercare.outside import Gone, Outside
from aftercare.store import load, versioned
from aftercare.table import ConditionFailed, Conflict
from message_gate.candidate import Candidate

ATTEMPTS = 4


def note_gone(outside: Outside, candidate: Candidate, channel: Channel, gone: Gone) -> None:
    """Write it on the customer's record, so that the next message knows. TableError."""
    if gone is Gone.DEAD:
        forget_device(outside, candidate.customer.id, candidate.addresses[channel][0])
    else:
        take_back(outside, candidate, channel)


def take_back(outside: Outside, candidate: Candidate, channel: Channel) -> None:
    """A number on the carrier's opt-out list said STOP to somebody else's ear: everything on the channel is withdrawn."""
    address = candidate.addresses[channel][1]

    def said(customer: Customer, now: datetime, sequence: str) -> Spoken:
        row = Statement(
            channel=channel,
            purpose=candidate.proposal.purpose,
            says=Says.WITHDRAWN,
            said_at=now,
            heard_at=now,
            sequence=sequence,
            source="sms-voice:opted-out",
            actor=Actor.PROVIDER,
            by="aws.sms-voice",
            address=address,
        )
        return Spoken(stopped(customer.consent, revoked(candidate.policy.telephone, channel, None, now), now, row))

    key = f"opted-out#{candidate.proposal.message_id}"
    record(outside, candidate.customer.id, said, "sms-voice", "opted-out", key)
    telemetry.count("OptedOutAtProvider")


def forget_device(outside: Outside, customer_id: str, endpoint: str) -> bool:
    """Take a dead device off the profile. False when it was not there, or the profile changed under every attempt: the next
    message finds out again."""
    for _ in range(ATTEMPTS):
        profile = load(outside.tables, customer_id).profile
        left = tuple(device for device in profile.devices if device.endpoint != endpoint)
        if left == profile.devices:
            return False
        after = profile.model_copy(update={"devices": left, "version": profile.version + 1})
        try:
            outside.tables.write([versioned(keys.customer(customer_id, keys.PROFILE), after.to_json(), profile.version)])
        except (ConditionFailed, Conflict):
            continue
        telemetry.count("DeviceGone")
        return True
    return False
