"""That a message was sent, told in the write that settles it: only where somebody outside wants to hear of it.

Of every send the event costs an outbox item more, so a stage without endpoints of its own tells none (SENDS_TOLD).
"""

from datetime import datetime

from aftercare import events, keys
from aftercare.consent import Channel
from aftercare.decision import Message
from aftercare.store import Delivery
from aftercare.table import Put


def told(message: Message, now: datetime) -> tuple[Put, ...]:
    """The outbox item of a message that is SENT. How often it was decided on stands in its key:
    a message that an operator sent once more is told once more."""
    proposal = message.proposal
    key = f"sent#{proposal.message_id}#{message.left_out + len(message.decisions)}"
    data = events.SentData(
        customer_id=proposal.customer_id,
        message=proposal.message_id,
        template=proposal.template,
        purpose=proposal.purpose,
        channel=Channel(message.channel or Channel.EMAIL),
    )
    event = events.make("MessageSent", keys.message_id(key), message.sent_at or now, proposal.correlation_id, data)
    return (
        Delivery(
            key=key,
            sender="gate",
            topic="sent",
            received_at=now,
            correlation_id=proposal.correlation_id,
            body_hash=keys.message_id(key),
            events=(event,),
            customer_id=proposal.customer_id,
        ).put(),
    )
