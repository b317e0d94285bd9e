"""The mail with a fresh link: proposed once, while somebody waits for it, with ids only."""

import json
from datetime import timedelta

import pytest

from aftercare import fresh_links
from aftercare.fresh_links import MOST, OPEN_FOR, FreshLinks, Opens
from aftercare.proposal import Nothing
from message_gate.channels import LINKS
from message_gate.view import FRESH
from privacy_requests.fresh_link import Because, mail
from privacy_requests.handler import handle
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START, Context, sample


def asked(small, opens=Opens.EXPORT, ref="l1"):
    a_profile(small)
    links = fresh_links.read(small.tables.twin, CUSTOMER).asked(opens, ref, small.clock.now())
    small.tables.twin.write([fresh_links.write(CUSTOMER, links, small.clock.now())])
    return links


def event(opens="export", ref="l1"):
    told = sample("aftercare.customers/FreshLinkAsked")
    told["detail"]["data"] = {"customer_id": CUSTOMER, "link": ref, "opens": opens}
    return told


def proposals(small):
    return [json.loads(body)["proposal"] for url, body, _ in small.queues.sent if "gate" in url]


@pytest.mark.parametrize("opens", Opens)
def test_a_link_that_was_asked_for_is_proposed_as_a_mail_that_is_of_use_for_as_long_as_it_opens(small, opens):
    asked(small, opens)
    assert handle(event(str(opens)), Context()) == {"outcome": "proposed"}
    (proposal,) = proposals(small)
    assert proposal["template"] == f"fresh-link-{opens}" and proposal["references"] == {"link": "l1"}
    assert proposal["not_after"] == (START + OPEN_FOR).isoformat().replace("+00:00", "Z")
    assert "@" not in json.dumps(proposal)


@pytest.mark.parametrize(
    ("before", "because"),
    [
        (lambda small: None, Because.NOT_ASKED),
        (lambda small: small.later(minutes=15), Because.TOO_LATE),
        (lambda small: asked(small, ref="l2"), Because.REPLACED),
    ],
)
def test_nothing_is_sent_for_a_link_that_nobody_waits_for(small, before, because):
    asked(small, ref="l1" if because is not Because.NOT_ASKED else "other")
    before(small)
    assert handle(event(), Context()) == {"outcome": f"nothing: {because}"}
    assert proposals(small) == []


def test_nothing_is_sent_to_who_is_gone_or_has_used_it(small):
    links = asked(small)
    told = type("Told", (), {"data": type("Data", (), {"opens": "export", "link": "l1"})})
    assert mail(None, links, told, START) == Nothing(Because.CUSTOMER_GONE)
    assert handle({**event(), "detail": {**event()["detail"]}}, Context())["outcome"] == "proposed"
    small.tables.twin.write([fresh_links.write(CUSTOMER, links.model_copy(update={"version": 1}).used("l1", START), START)])
    assert handle(event(), Context()) == {"outcome": f"nothing: {Because.USED}"}


def test_the_gate_knows_a_template_for_each_thing_that_a_fresh_link_opens():
    assert LINKS == FRESH.keys() == {f"fresh-link-{opens}" for opens in Opens}


def test_of_each_kind_one_waits_at_a_time_and_so_many_are_sent_in_a_day():
    links = FreshLinks()
    for n in range(MOST):
        at = START + n * timedelta(hours=1)
        assert not links.is_full(at) and links.waiting(Opens.EXPORT, at) is None
        links = links.asked(Opens.EXPORT, f"l{n}", at)
        assert links.waiting(Opens.EXPORT, at) and links.waiting(Opens.ERASE, at) is None
    assert links.is_full(START + timedelta(hours=23)) and not links.is_full(START + timedelta(hours=25))
    assert [links.standing(Opens.EXPORT, ref) for ref in ("l0", f"l{MOST - 1}")] == ["replaced", "open"]
    assert links.used(f"l{MOST - 1}", START).standing(Opens.EXPORT, f"l{MOST - 1}") == "used"
    assert links.standing(Opens.ERASE, "l0") == "replaced"
