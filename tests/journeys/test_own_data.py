"""From the button on the page of choices to the file, the orders and being forgotten: by the mailbox on file and nothing else."""

import json
import re
from email import message_from_bytes, policy

import pytest

from aftercare.export import export
from simulator.cloud import LocalCloud
from tests.journeys.conftest import Shop
from tests.journeys.test_forgotten import CANARIES, EMAIL, OLD_EMAIL, PEER, TITLE, found, lived, tables

FORM = {"content-type": "application/x-www-form-urlencoded"}


@pytest.fixture
def shop(request):
    with LocalCloud(getattr(request, "param", "memory"), seed=7, switch="on") as running:
        yield Shop(running)


def paths(letter, route):
    text = message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()
    return re.findall(rf"https://[^/\s]+(/{route}/[\w-]{{40,}})", text)


def choices(shop, address=EMAIL):
    return paths(shop.letters(address)[0], "p")[0]


def fresh(shop, opens, address=EMAIL):
    """Press the button and open the mail: the path of its link."""
    before = len(shop.letters(address))
    answer = shop.cloud.http("POST", f"{choices(shop, address)}/{opens}", FORM, b"")
    assert answer.status == 200, answer.text
    shop.cloud.advance(minutes=1)
    (letter,) = shop.letters(address)[before:]
    return paths(letter, opens)[0]


def heading(answer):
    return re.search(r"<h1>(.*?)</h1>", answer.text)[1]


@pytest.mark.parametrize("shop", ["memory", "moto"], indirect=True)
def test_the_file_has_every_canary_of_a_life_and_none_of_a_neighbour(shop):
    lived(shop)
    path = fresh(shop, "export")
    before = shop.cloud.state_digest()
    assert shop.cloud.http("GET", path).status == 200
    assert shop.cloud.state_digest() == before
    answer = shop.cloud.http("POST", path, FORM, b"")
    assert answer.headers["content-disposition"].startswith("attachment")
    document = json.loads(answer.body)
    assert found(document) == set(CANARIES)
    assert PEER not in answer.text
    known = [
        str(item["pk"]) for item in shop.cloud.items("CustomerTable") if str(item["pk"]).startswith(("ALIAS#email", "PHONE#"))
    ]
    assert not [pk for pk in known if re.search(r"[0-9a-f]{40}", pk)[0] in answer.text], "no keyed hash"
    decided = [message["record"]["decisions"] for message in document["kept"]["message"]]
    assert decided and all(any(one.get("trace") for one in each) for each in decided), "and why each came or did not"
    assert shop.cloud.http("POST", path, FORM, b"").status == 410
    assert shop.cloud.dead_letters() == {}


def test_the_command_and_the_page_make_the_same_document(shop):
    customer_id = lived(shop)
    path = fresh(shop, "export")
    outside = shop.cloud.outside()
    secret = outside.secrets.text(outside.settings.need("identity_secret"))
    ours = export(outside.tables, customer_id, secret, shop.cloud.now)
    theirs = json.loads(shop.cloud.http("POST", path, FORM, b"").body)
    assert theirs == json.loads(json.dumps(ours))


def test_a_press_of_the_last_button_forgets_and_the_link_then_says_so(shop):
    lived(shop)
    path, before = fresh(shop, "erase"), len(shop.letters(EMAIL))
    assert heading(shop.cloud.http("GET", path)) == "Sollen wir Sie vergessen?"
    assert heading(shop.cloud.http("POST", path, FORM, b"")) == "Sie werden vergessen"
    shop.cloud.advance(minutes=2)
    assert heading(shop.cloud.http("GET", path)) in ("Sie werden vergessen", "You are being forgotten")
    shop.cloud.advance(hours=1)
    assert found(tables(shop.cloud)) == set()
    assert len(shop.letters(EMAIL)) == before, "and no mail says so"
    assert shop.cloud.http("GET", path).status == 410
    assert shop.cloud.http("POST", f"{choices(shop)}/export", FORM, b"").status == 404
    (request,) = [i for i in tables(shop.cloud) if str(i["pk"]).startswith("REQUEST#erasure")]
    assert json.loads(request["doc"])["outcome"] == "erased"
    assert shop.cloud.dead_letters() == {}


def test_all_orders_are_behind_one_link_and_each_opens(shop):
    lived(shop)
    path = fresh(shop, "orders")
    page = shop.cloud.http("GET", path)
    assert "#1" in page.text and "#2" in page.text and "#900" not in page.text
    opened = [shop.cloud.http("GET", one) for one in re.findall(r'href="(/o/[^"]+)"', page.text)]
    assert [answer.status for answer in opened] == [200, 200]
    assert TITLE in opened[0].text


def test_who_has_turned_order_news_off_still_gets_the_link_that_they_ask_for(shop):
    lived(shop)
    saved = shop.cloud.http("POST", choices(shop), FORM, b"email-transactional=off&all=no&frequency=each")
    assert saved.status == 200
    assert fresh(shop, "export")
    sent = shop.only("fresh-link-export")
    assert (sent["settlement"], sent["channel"]) == ("SENT", "email")


def test_what_lies_in_an_old_mailbox_leads_to_the_address_on_file(shop):
    """A page that was reached from a mail to the old address asks for a link to the new one."""
    lived(shop)
    before = len(shop.letters(OLD_EMAIL)), len(shop.letters(EMAIL))
    assert shop.cloud.http("POST", f"{choices(shop, OLD_EMAIL)}/export", FORM, b"").status == 200
    shop.cloud.advance(minutes=1)
    assert (len(shop.letters(OLD_EMAIL)), len(shop.letters(EMAIL))) == (before[0], before[1] + 1)
