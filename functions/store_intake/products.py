"""What is told of products: who waits for one, and what a store publishes about some. Loaded with the first such fact."""

from datetime import datetime

from aftercare import events, keys
from aftercare.alerts import MOST_ALERTS, Alert, asking, product_key
from aftercare.customer import Customer
from aftercare.event import Event
from aftercare.facts import ConsentFact, CustomerFact, Fact
from aftercare.product_facts import AlertFact, AnnouncementFact, RestockFact
from aftercare.published import Publication, put
from aftercare.retention import ALERT, JOURNAL
from aftercare.store import versioned
from aftercare.table import Remove, Write
from store_intake.received import Received


def told_with(fact: Fact) -> tuple[Fact, ...]:
    """A wish to hear of a product, with who the person is and what they were asked, as other senders tell these."""
    if not isinstance(fact, AlertFact):
        return (fact,)
    at, ref, contact = fact.occurred_at, fact.customer_ref, fact.contact
    person = CustomerFact(
        type="CustomerUpdated", occurred_at=at, customer_ref=ref, contact=contact, locale=fact.locale, country=fact.country
    )
    if not fact.consent:
        return (person, fact)
    said = ConsentFact(type="ConsentChanged", occurred_at=at, customer_ref=ref, contact=contact, said=fact.consent)
    return (person, said, fact)


def alerting(customer_id: str, before: Customer | None, fact: Fact, shop: str, now: datetime) -> list[Write]:
    """The wish on the customer's record and in the product's index. One that is told again lasts longer; an older one changes
    nothing; of more than the record has room for the oldest go."""
    product = product_key(shop, fact.product_ref) if isinstance(fact, AlertFact) else None
    if product is None:
        return []
    known = next((alert for alert in before.alerts if alert.product == product), None) if before else None
    if known and known.asked_at >= fact.occurred_at:
        return []
    alert = Alert(product=product, asked_at=fact.occurred_at)
    if ALERT.ends(alert.asked_at) <= now.timestamp():
        return []
    version = known.version if known else 0
    doc = alert.model_copy(update={"version": version + 1}).to_json()
    place = keys.alert(customer_id, product)
    writes: list[Write] = [versioned(place, doc, version, expires_at=ALERT.ends(alert.asked_at)), asking(customer_id, alert)]
    oldest = sorted(before.alerts, key=lambda one: one.asked_at) if before and not known else []
    for one in oldest[: max(len(oldest) - MOST_ALERTS + 1, 0)]:
        writes += [Remove(keys.alert(customer_id, one.product)), Remove(keys.product_asker(one.product, customer_id))]
    return writes


def publication_of(fact: Fact, shop: str) -> Publication | None:
    """What a fact publishes; None for any other fact. ValueError for a reference that no key can hold."""
    if isinstance(fact, RestockFact):
        said: dict[str, object] = {"kind": "restock", "title": {"en": fact.title}}
        refs: tuple[str, ...] = (fact.product_ref,)
    elif isinstance(fact, AnnouncementFact):
        said, refs = {"kind": fact.kind, "title": fact.title, "text": fact.text}, fact.product_refs
    else:
        return None
    return Publication.model_validate(
        {
            "key": f"{shop}:{fact.ref}",
            "shop": shop,
            "products": tuple(dict.fromkeys(f"{shop}:{ref}" for ref in refs)),
            "audience": fact.audience,
            "url": fact.url,
            "published_at": fact.occurred_at,
            "until": fact.until,
            **said,
        }
    )


def published(received: Received) -> tuple[tuple[Event, ...], tuple[Write, ...]]:
    """What a delivery publishes: the events that tell of it, and the writes that keep it."""
    told: list[Event] = []
    writes: list[Write] = []
    for fact in received.facts:
        publication = publication_of(fact, received.shop)
        if publication is not None:
            writes.append(put(publication, JOURNAL.ends(received.received_at)))
            data = events.PublicationData(publication=publication.key)
            event_id = keys.message_id(f"{received.key}#{fact.type}")
            told.append(events.make(fact.type, event_id, fact.occurred_at, received.correlation_id, data))
    return tuple(told), tuple(writes)
