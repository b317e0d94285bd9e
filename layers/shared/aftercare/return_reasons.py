"""Which words a customer is offered for why something goes back: by what kind of product it is. Pure."""

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, get_args

from aftercare.customer import Order, OrderLine, Return, ReturnReason

if TYPE_CHECKING:
    from aftercare.catalogue import Catalogue, Family

ALL: tuple[ReturnReason, ...] = get_args(ReturnReason)
UNSAID: ReturnReason = "unsaid"

ALWAYS: tuple[ReturnReason, ...] = ("not-as-expected", "damaged", "wrong-item", "late", "changed-mind")

BY_KIND: Mapping[str, tuple[ReturnReason, ...]] = {
    "fashion": ("too-small", "too-large"),
    "complex": ("stopped-working", "hard-to-use", "missing-parts"),
    "warranty": ("stopped-working",),
    "durable": ("missing-parts",),
    "consumable": ("not-to-taste",),
}
"""What goes wrong with products of a kind (aftercare.catalogue.Kind) only; a family may say its own by `return_reasons`."""


def _of(family: "Family") -> tuple[ReturnReason, ...]:
    if family.return_reasons:
        return family.return_reasons
    return (*(word for kind in family.kinds for word in BY_KIND.get(kind, ())), *ALWAYS)


def offered(lines: Iterable[OrderLine], catalogue: "Catalogue") -> tuple[ReturnReason, ...]:
    """The words for these lines together, in the order of the closed list; the last is that one would rather not say."""
    known = {word for name in catalogue.by_family(lines) for word in _of(catalogue.family(name))} or set(ALWAYS)
    return tuple(word for word in ALL if word in known or word == UNSAID)


def lines_of(order: Order, back: Return) -> tuple[OrderLine, ...]:
    """The lines that a return is about; of one that names none, all of its order."""
    named = tuple(line for line in order.lines if line.line_ref in back.lines)
    return named or tuple(line for line in order.lines if line.quantity and not line.gift_card)
