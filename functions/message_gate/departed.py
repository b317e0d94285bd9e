"""What a provider's refusal tells of an address: a device without the app, or a number that its person has opted out."""

from aftercare import keys, telemetry
from aftercare.consent import Channel
from aftercare.outside import Gone, Outside
from aftercare.store import load, versioned
from aftercare.table import ConditionFailed, Conflict
from message_gate.rules import Candidate

ATTEMPTS = 4


def note_gone(outside: Outside, candidate: Candidate, channel: Channel, gone: Gone) -> None:
    """Write it on the customer's record, so that the next message knows. TableError."""
    if gone is Gone.DEAD:
        forget_device(outside, candidate.customer.id, candidate.addresses[channel][0])


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
