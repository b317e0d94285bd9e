"""What a customer may say of an offer, by one tap: closed words, without the record that keeps them."""

from typing import Literal, get_args

Saying = Literal["useful", "later", "left", "not-for-me"]
SAYINGS: tuple[Saying, ...] = get_args(Saying)

FOR_FEEDBACK, FOR_BUYERS = "next-", "row-"
"""What an offer without a product is called by in taps: `next-<name>` of feedback.yaml, `row-<name>` of segments.yaml."""
