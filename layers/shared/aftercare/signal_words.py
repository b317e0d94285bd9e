"""The closed words of what a customer's feedback comes to, which events carry, without the records that hold them."""

from typing import Annotated, Literal

from pydantic import StringConstraints

Origin = Literal["survey", "review", "case", "mention", "return", "care"]
"""Where somebody said how it was; `care` is that they said and did nothing."""

Respondent = Literal["promoter", "customer", "other"]
"""Who said it: somebody who would recommend us, another customer, or somebody of whom no order stands."""

Signal = Literal["at-risk", "wants-call", "wants-demo", "wants-tip", "wants-promotion", "recommends", "ready-for-more", "unsure"]
"""What it says of the next purchase; the order is the one in which the table of offers is asked."""

Theme = Annotated[str, StringConstraints(pattern=r"^[a-z][a-z0-9-]{1,39}$")]
"""What is spoken of, as the store's table of themes names it."""

Priority = Literal["high", "normal"]
"""Whose rescue comes first."""

Missed = Literal["answer", "end"]
"""What of a rescue was not done in time."""
