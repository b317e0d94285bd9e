"""The way to the gate: one FIFO queue, one group per customer."""

from aftercare.outside import Outside
from aftercare.proposal import Proposal


def propose(outside: Outside, proposal: Proposal) -> None:
    """Hand a proposal to the gate. Its deduplication id names message and cause, so a new cause is settled again."""
    outside.queues.send(
        outside.settings.need("gate_queue_url"),
        f'{{"proposal":{proposal.to_json()}}}',
        group=proposal.customer_id,
        deduplication=f"{proposal.message_id}-{proposal.caused_by}"[:128],
    )
