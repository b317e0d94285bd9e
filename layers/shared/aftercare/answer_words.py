"""The closed words of a survey's answer, which events carry, without the records that hold them."""

from typing import Annotated, Literal

from pydantic import Field

Score = Annotated[int, Field(ge=1, le=5)]
"""How an order was over all: 1 is bad, 5 is very good."""

Part = Literal["ordering", "delivery", "packaging", "product", "setup", "support"]
"""What of an order may have stood out, or slowed its customer down."""

Wish = Literal["tip", "promotion", "demo"]
"""What a customer would like next."""

By = Literal["page", "sms", "whatsapp"]
"""How an answer came."""

Sentiment = Literal["positive", "neutral", "negative"]

Standing = Literal["stands", "cancelled", "refunded", "returned", "lost", "complained"]
"""What became of the order that an answer is about."""
