"""`aftercare serve`: a scenario's mails and the pages behind their links, on the loopback address only."""

import json
from http.client import HTTPConnection
from urllib.parse import urlencode

import pytest

from simulator.commands.main import main
from simulator.front import LOOPBACK, Front
from tests.browser.conftest import a_house


@pytest.fixture(scope="module")
def house():
    with a_house() as found:
        yield found


def ask(house, method, path, body=None):
    connection = HTTPConnection(*house.front.server_address)
    connection.request(method, path, body, {"content-type": "application/x-www-form-urlencoded"} if body else {})
    answer = connection.getresponse()
    text = answer.read().decode()
    connection.close()
    return answer, text


def test_it_listens_on_this_machine_only(house):
    assert house.front.server_address[0] == LOOPBACK


def test_the_first_page_lists_every_mail_and_what_its_links_open(house):
    answer, text = ask(house, "GET", "/")
    assert answer.status == 200
    for path in house.links("anna", "coffee").values():
        assert path in text
    assert 'href="/mails/1"' in text
    assert set(house.links("anna", "confirmed")) == {"order status", "cue", "preferences", "why this mail"}


def test_a_mail_is_shown_with_its_links_leading_here(house):
    answer, text = ask(house, "GET", "/mails/1")
    assert answer.status == 200
    assert 'href="/o/' in text and "https://post.larkfield.example" not in text
    assert ask(house, "GET", "/mails/999")[0].status == 404


def test_pages_come_from_the_deployed_handlers_with_their_headers_and_a_post_is_done(house):
    path = house.links("anna", "coffee")["preferences"]
    answer, text = ask(house, "GET", path)
    assert answer.status == 200 and "What we may write to you" in text
    assert answer.headers["referrer-policy"] == "no-referrer"
    answer, text = ask(house, "POST", path, urlencode({"email-reorder": "off"}))
    assert answer.status == 200 and "Saved." in text
    assert house.says("anna", "reorder") == "withdrawn"


@pytest.mark.parametrize("method", ["OPTIONS", "PUT", "DELETE", "PATCH"])
def test_other_methods_are_answered_as_the_api_does(house, method):
    assert ask(house, method, house.links("anna", "coffee")["preferences"])[0].status == 404


def test_a_head_is_answered_as_its_get_without_the_body(house):
    answer, text = ask(house, "HEAD", house.links("anna", "coffee")["preferences"])
    assert (answer.status, answer.headers["content-type"], text) == (200, "text/html; charset=utf-8", "")


def test_an_idle_connection_keeps_nobody_waiting(house):
    idle = HTTPConnection(*house.front.server_address)
    idle.connect()
    assert ask(house, "GET", "/")[0].status == 200
    idle.close()


def test_nothing_that_is_asked_for_is_logged(house, capfd):
    ask(house, "GET", house.links("anna", "coffee")["preferences"])
    told = capfd.readouterr()
    assert "/p/" not in told.out + told.err


def test_the_command_plays_the_scenario_and_says_where_its_pages_are(capsys, monkeypatch):
    monkeypatch.setattr(Front, "serve_forever", lambda self: None)
    assert main(["serve", "--port", "0", "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["address"].startswith(f"http://{LOOPBACK}:")
    assert {link for mail in told["mails"] for link in mail["links"]} >= {"order status", "preferences", "unsubscribe"}


def test_a_port_that_is_taken_is_told_in_one_line(house, capsys):
    port = house.front.server_address[1]
    assert main(["serve", "--port", str(port)]) == 2
    assert "choose another one" in capsys.readouterr().err
