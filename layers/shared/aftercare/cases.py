"""What a customer turned to support with: one record a case, in the customer's partition, joined from what the helpdesk tells."""

from pydantic import AwareDatetime

from aftercare.case_topic import CaseTopic
from aftercare.model import Model


class Case(Model):
    """One case by `<shop>:<the helpdesk's reference>`, the join of what was told, so the order of arrival does not matter.

    `sender` is who told of it first, such as zendesk. `opened_at` and `closed_at` are the latest told (a case may be opened
    again), `answered_at` is the first answer.
    """

    ref: str
    version: int = 0
    sender: str | None = None
    topic: CaseTopic = CaseTopic.OTHER
    order_key: str | None = None
    opened_at: AwareDatetime | None = None
    answered_at: AwareDatetime | None = None
    closed_at: AwareDatetime | None = None

    @property
    def open(self) -> bool:
        return self.opened_at is not None and (self.closed_at is None or self.opened_at > self.closed_at)
