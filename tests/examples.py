"""How many examples a property is tried with, in proportion to the run's profile (conftest.py)."""

from hypothesis import settings

USUAL = 100


def tries(number: int) -> int:
    """So many examples where a property without a number of its own gets the usual hundred; fewer on a second Python."""
    return max(1, number * settings().max_examples // USUAL)
