"""Pictures and films that customers share, and whether the store may show them: as they lie in the history."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aftercare.model import Model
from aftercare.weblink import Https

MediaKind = Literal["photo", "video"]


class Media(Model):
    """One picture or film by `<shop>:<the sender's reference>`. `order` is `<shop>:<reference>` where it names one."""

    ref: str
    kind: MediaKind
    network: str
    at: AwareDatetime
    url: Annotated[Https, Field(max_length=1000)] | None = None
    order: str | None = None
    sku: str | None = None


class Repost(Model):
    """Whether the store may show it: `allowed` None while nobody said; `proof` names the evidence of the last word. `version`
    counts the writes of this record."""

    version: int = 0
    counted_at: AwareDatetime
    allowed: bool | None = None
    said_at: AwareDatetime | None = None
    proof: str | None = None
