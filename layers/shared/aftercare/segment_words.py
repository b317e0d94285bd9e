"""The closed words of what kind of buyer somebody is, which events and records carry (aftercare.segments says who is what)."""

from typing import Literal

Lifecycle = Literal["high-clv", "repeat", "occasional", "first-time", "other"]
"""How somebody buys: much, again and again, at long intervals, once so far; `other` has no order that stands."""

Value = Literal["high", "mid", "one-time", "none"]
"""What somebody is worth to the store: of those who came back the best and the rest, who bought once, who has nothing."""
