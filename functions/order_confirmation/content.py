"""What a confirmation carries beside the order itself: guides by product, and a few things that go with it.

Guides follow the kinds of the families in the order (catalogue.yaml): onboarding by plan tier and skill, quick start, care
guide, registration. The first few stand in full, the rest are links: a confirmation is read once, on a phone.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence

from aftercare.catalogue import Catalogue, Family, Kind, Skill
from aftercare.consent import Purpose
from aftercare.customer import Order, OrderLine
from aftercare.proposal import Block

IN_FULL = 3
"""So many guides stand in full, the more important first."""

LINKED = 4
"""So many further guides are named with a link."""

ADD_ONS = 2

EXPERIENCED_AFTER = 2
"""So many earlier orders with something complex or digital make somebody experienced with a new family too."""


def blocks(
    order: Order,
    earlier: Sequence[Order],
    catalogue: Catalogue,
    interests: Mapping[str, float] | None = None,
    unwanted: Collection[str] = (),
) -> tuple[Block, ...]:
    """All blocks of the confirmation in their order. `earlier` are the standing orders before this one, `interests` what their
    customer looks at in the store, where they agreed to that, `unwanted` the offers that they want no more of."""
    offered = _add_ons(order, earlier, catalogue, interests or {}, unwanted)
    return (_opening(order, earlier), *_guides(order, earlier, catalogue), *offered)


def _opening(order: Order, earlier: Sequence[Order]) -> Block:
    """Thanks differ for a first order, for one who came back, and for a renewal that happened by itself."""
    return Block(kind="opening", variant="renewal" if order.is_renewal else "again" if earlier else "first")


def _guides(order: Order, earlier: Sequence[Order], catalogue: Catalogue) -> tuple[Block, ...]:
    """One of each kind before a second of any, by importance; each once, the first few in full, the rest as links.

    A renewal repeats no first steps: who renews has taken them.
    """
    wanted: list[tuple[int, int, Block]] = []
    for name, lines in catalogue.by_family(order.lines).items():
        family = catalogue.family(name)
        for rank, block in _guides_of(family, lines, earlier, catalogue):
            nth = sum(1 for _, r, _ in wanted if r == rank)
            wanted.append((nth, rank, block))
    if order.is_renewal:
        wanted = [(nth, rank, block) for nth, rank, block in wanted if block.kind != "onboarding"]
    ordered = [block for _, _, block in sorted(wanted, key=lambda w: w[:2])]
    if not ordered and not order.is_renewal:
        ordered = [Block(kind="tips", family=catalogue.default)]
    linked = (Block(kind="more", family=b.family, variant=b.kind) for b in ordered[IN_FULL : IN_FULL + LINKED])
    return (*ordered[:IN_FULL], *linked)


def _guides_of(
    family: Family, lines: Sequence[OrderLine], earlier: Sequence[Order], catalogue: Catalogue
) -> Iterable[tuple[int, Block]]:
    """The guides of one family with their rank; its tips where no kind brings a guide."""
    found: list[tuple[int, Block]] = []
    kinds = set(family.kinds)
    if family.onboarding and kinds & {Kind.SOFTWARE, Kind.SUBSCRIPTION}:
        plan = next((line.plan or line.variant for line in lines if line.plan or line.variant), None)
        variant = f"{family.onboarding.tier_of(plan)}-{skill(family, earlier, catalogue)}"
        found.append((0, Block(kind="onboarding", family=family.name, variant=variant)))
    if Kind.COMPLEX in kinds:
        found.append((1, Block(kind="quick-start", family=family.name)))
    if Kind.DELICATE in kinds:
        found.append((2, Block(kind="care-guide", family=family.name)))
    if Kind.WARRANTY in kinds:
        found.append((3, Block(kind="registration", family=family.name)))
    if not found:
        found.append((4, Block(kind="tips", family=family.name)))
    return found


def skill(family: Family, earlier: Sequence[Order], catalogue: Catalogue) -> Skill:
    """Experienced: has bought of this family before, or twice something complex or digital; else a beginner.

    It is inferred from purchases only. Who is taken for a beginner loses a minute, who is taken for an expert is lost: so
    the doubt goes to beginner.
    """
    demanding = 0
    for order in earlier:
        names = catalogue.by_family(order.lines)
        if family.name in names:
            return Skill.EXPERIENCED
        asks = {Kind.COMPLEX, Kind.SOFTWARE}
        demanding += any(asks & set(catalogue.family(name).kinds) for name in names)
    return Skill.EXPERIENCED if demanding >= EXPERIENCED_AFTER else Skill.BEGINNER


def _add_ons(
    order: Order, earlier: Sequence[Order], catalogue: Catalogue, interests: Mapping[str, float], unwanted: Collection[str]
) -> tuple[Block, ...]:
    """A few cross-sells of what is in this order, then of what was bought before; of these what somebody looked at first, and
    never what they have already or do not want.

    They are an offer: their own purpose lets the gate leave them out where its consent is missing.
    """
    here = catalogue.by_family(order.lines)
    before = [line for past in earlier for line in past.lines]
    owned = {line.sku for line in (*order.lines, *before) if line.sku}
    families = [*here, *(name for name in catalogue.by_family(before) if name not in here)]
    chosen: dict[str, Block] = {}
    for name in families:
        for offered in catalogue.family(name).cross_sells:
            add_on = catalogue.add_ons[offered]
            has_it = owned.intersection(add_on.skus) or (add_on.family in families)
            if offered not in chosen and offered not in unwanted and not has_it:
                chosen[offered] = Block(kind="add-ons", family=name, variant=offered, purpose=Purpose.PROMOTIONAL)
    if interests and len(chosen) > 1:
        from aftercare.behaviour import best_first

        chosen = {name: chosen[name] for name in best_first(chosen, interests, catalogue)}
    return tuple(chosen.values())[:ADD_ONS]
