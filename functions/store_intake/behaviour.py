"""What customers do in the store: noted where they agreed to that, a day at a time, and told when it is new. Three AWS calls.

Apart from every other fact: without leave nothing is stored, not even that something came; and what is noted already is a
duplicate by whatever delivery it comes, so that no flood of views makes an item for each.
"""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from aftercare import events, keys, telemetry
from aftercare.behaviour import Act, looked_at, oldest, seen
from aftercare.behaviour_events import LoginData, ShareData, ViewData, VisitData
from aftercare.behaviour_facts import LeaveFact, LoginFact, ShareFact, ViewFact, VisitFact
from aftercare.catalogue import Catalogue, catalogue
from aftercare.consent import Declaration, Says, clamp
from aftercare.consent_log import Wording
from aftercare.customer import Customer, OrderLine
from aftercare.facts import Fact
from aftercare.outside import Outside
from aftercare.retention import BEHAVIOUR
from aftercare.store import CustomerUnknown, Delivery, load, unchanged_consent, versioned
from aftercare.table import Absent, Check, ConditionFailed, Conflict
from store_intake.received import Received
from store_intake.whose import names_of, places, whose

if TYPE_CHECKING:
    from store_intake.intake import Outcome

ATTEMPTS = 6

NOBODY = "nobody here is known by these names"
NO_LEAVE = "the customer has not agreed that what they do in the store is noted"
TOO_OLD = "it happened longer ago than such a fact is kept"


def take(outside: Outside, received: Received) -> "Outcome":
    """Note one fact. TableError when that did not work (or nobody knows): it must be brought again."""
    from store_intake.intake import KeepsChanging

    fact = received.facts[0]
    now = received.received_at
    at = places(names_of(received.shop, received.facts), outside.secrets.text(outside.settings.need("identity_secret")))
    themes, family = themes_of(fact, catalogue())
    for _ in range(ATTEMPTS):
        owner = whose(outside.tables.read(at.all()), at)
        if owner.customer_id is None or owner.conflict:
            return _refused(received, NOBODY)
        try:
            customer = load(outside.tables, owner.customer_id)
        except CustomerUnknown:
            return _refused(received, NOBODY)
        reason = refusal(customer, fact, now)
        if reason:
            return _refused(received, reason)
        when = min(fact.occurred_at.astimezone(UTC), now)
        after = seen(customer.behaviour, acts_of(fact), themes, when)
        if after is None:
            telemetry.count("DeliveryDuplicate")
            return _told(received, "duplicate", customer.id)
        before = customer.behaviour
        data = _data(
            fact, customer.id, received.shop, family, fresh=looked_at(after, family, when) and not looked_at(before, family, when)
        )
        event_id = keys.message_id(f"{received.key}#{fact.type}")
        delivery = Delivery(
            key=received.key,
            sender=received.sender,
            topic=received.topic,
            received_at=now,
            correlation_id=received.correlation_id,
            body_hash=received.content_hash,
            facts=received.fact_types,
            events=(events.make(fact.type, event_id, when, received.correlation_id, data),),
            customer_id=customer.id,
            kept=BEHAVIOUR,
        )
        place = keys.customer(customer.id, keys.BEHAVIOUR)
        note = versioned(place, after.to_json(), before.version if before else 0, expires_at=after.expires_at)
        erased = Check(keys.customer(customer.id, keys.ERASED), Absent())
        try:
            outside.tables.write([delivery.put(), note, unchanged_consent(customer.id, customer.consent), erased])
        except ConditionFailed as failed:
            if 0 in failed.failed:
                telemetry.count("DeliveryDuplicate")
                return _told(received, "duplicate", customer.id)
        except Conflict:
            continue
        else:
            telemetry.count("BehaviourNoted")
            return _told(received, "recorded", customer.id)
    raise KeepsChanging("the record changed under every attempt")


def refusal(customer: Customer, fact: Fact, now: datetime) -> str | None:
    """Why nothing of a fact is kept: no leave, none yet when it happened, or too old; None where it may be. Pure."""
    leave = customer.consent.behaviour
    if leave is None or leave.opted_out or fact.occurred_at < leave.said_at:
        return NO_LEAVE
    return TOO_OLD if fact.occurred_at <= oldest(now) else None


def acts_of(fact: Fact) -> tuple[Act, ...]:
    if isinstance(fact, LoginFact):
        return (fact.surface,)
    return ("visit", "share") if isinstance(fact, ShareFact) else ("visit",)


def themes_of(fact: Fact, goods: Catalogue) -> tuple[tuple[str, ...], str | None]:
    """What a fact shows interest in, the family and add-ons, and the family alone. A product that the catalogue does not know
    shows none."""
    if not isinstance(fact, ViewFact | VisitFact | ShareFact):
        return (), None
    line = OrderLine(
        line_ref="-",
        product_ref=fact.product_ref,
        title="-",
        sku=fact.sku,
        product_type=fact.product_type,
        tags=fact.tags,
        quantity=1,
    )
    name = goods.family_of(line).name
    family = None if name == goods.default else name
    add_ons = (f"+{name}" for name, one in goods.add_ons.items() if fact.sku and fact.sku in one.skus)
    return (*((family,) if family else ()), *add_ons), family


def _data(fact: Fact, customer_id: str, shop: str, family: str | None, fresh: bool) -> events.CustomerData:
    about: dict[str, Any] = {"customer_id": customer_id}
    if isinstance(fact, LoginFact):
        return LoginData(**about, surface=fact.surface)
    about |= {"shop": shop, "family": family, "fresh": fresh}
    if isinstance(fact, VisitFact):
        return VisitData(**about, page=fact.page)
    return ShareData(**about, content=fact.content) if isinstance(fact, ShareFact) else ViewData(**about)


def _told(received: Received, status: Any, customer_id: str | None, reason: str | None = None) -> "Outcome":
    from store_intake.intake import Outcome

    return Outcome(status, received.correlation_id, received.fact_types, reason, customer_id)


def _refused(received: Received, reason: str) -> "Outcome":
    telemetry.count("BehaviourRefused")
    return _told(received, "refused", None, reason)


# ---------------------------------------------------------------- the leave


def texts(fact: Fact) -> Iterable[Wording]:
    """The texts that were agreed to, as a sender gives them."""
    if isinstance(fact, LeaveFact):
        yield from (Wording(version=one.wording or "", text=one.text) for one in fact.behaviour if one.text)


def declarations(facts: Iterable[Fact], source: str, heard_at: datetime, sequence: str) -> list[Declaration]:
    """The leave as evidence: the speaker's own time within bounds of ours, our sequence, where, and to which text."""
    said = [(fact, one) for fact in facts if isinstance(fact, LeaveFact) for one in fact.behaviour]
    found = []
    for number, (fact, one) in enumerate(said):
        claimed_at = one.said_at or fact.occurred_at
        said_at = clamp(claimed_at, heard_at, Says(one.says))
        found.append(
            Declaration(
                kind="behaviour_opt_in" if one.says == "given" else "behaviour_opt_out",
                said_at=said_at,
                claimed_at=claimed_at if claimed_at != said_at else None,
                heard_at=heard_at,
                sequence=f"{sequence}#behaviour-{number:02d}",
                source=source,
                wording=one.wording,
                wording_hash=Wording(version=one.wording or "", text=one.text).hash if one.text else None,
            )
        )
    return found
