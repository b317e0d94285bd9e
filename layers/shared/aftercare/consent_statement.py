"""What was said about consent, as it is kept: most orders bring none of it, and who asks on what ground reads the heads alone."""

from typing import Annotated, Literal

from pydantic import AwareDatetime, Field

from aftercare.consent import Actor, Channel, Purpose, Says, Weight
from aftercare.model import Model


class Evidence(Model):
    """What is kept of every statement, so that it can be proved (GDPR 7(1), rule C01).

    `said_at` is the speaker's time as it counts, `claimed_at` what the speaker's clock said where that was out of bounds,
    `heard_at` ours; `sequence` is the proof's id. `by` names the agent or provider, `manner` how an agent heard it. The text
    that was agreed to lies under `wording_hash` (consent_log.wording_of); `wording` is its version in the words of its
    source. `network` is the address cut to /24 or /48, `device` the family of the user agent.
    """

    said_at: AwareDatetime
    heard_at: AwareDatetime
    sequence: Annotated[str, Field(min_length=1)]
    source: str
    claimed_at: AwareDatetime | None = None
    actor: Actor = Actor.STORE
    by: str | None = None
    manner: str | None = None
    url: str | None = None
    wording: str | None = None
    wording_hash: str | None = None
    locale: str | None = None
    network: str | None = None
    device: str | None = None


class Statement(Evidence):
    """One thing said about consent to one purpose on one channel, with its evidence.

    `address` is the keyed hash of the address that it was said for; None where it was said for whoever the customer is.
    `confirmed` is a double opt-in done, here or at the platform; `asks` a consent that waits for our own confirmation mail;
    `took` marks a withdrawal by keyword that took back a consent, which is all that a START gives back (rule C20); `written`
    says of both that the text of that consent is on record.
    """

    channel: Channel
    purpose: Purpose
    says: Says
    weight: Weight = Weight.EXPLICIT
    address: str | None = None
    confirmed: bool = False
    asks: bool = False
    took: bool = False
    written: bool = False


class Declaration(Evidence):
    """Something said that is about no single channel and purpose: sale or sharing of data (CCPA), an inquiry (CASL), that the
    store may note what the person looks at (ePrivacy 5(3): only who opted in), or whether a picture may be shown, which `about`
    names."""

    kind: Literal[
        "sale_opt_out",
        "sale_opt_in",
        "inquiry",
        "behaviour_opt_in",
        "behaviour_opt_out",
        "repost_allowed",
        "repost_refused",
    ]
    about: str | None = None
