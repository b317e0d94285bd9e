"""Who works at the desk sees who waits, and notes what was done: by finger, by keyboard, without scripts."""

from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlencode

import pytest

from aftercare.links import Link, LinkPurpose, read_keys, sign
from aftercare.rescues import open_rescues
from tests.browser.conftest import Browser
from tests.browser.test_survey_in_a_browser import a_house_that_asks, link

FORM = {"content-type": "application/x-www-form-urlencoded"}
WORDS = "</blockquote><script>document.title='on'</script> The bag was torn, " + "x" * 120


@contextmanager
def a_desk():
    """Anna and Jonas are not content, and wait for somebody."""
    with a_house_that_asks() as house:
        for who, text in (("anna", WORDS), ("jonas", "Die Hälfte fehlte")):
            form = urlencode({"score": "1", "text": text, "call": "on"}).encode()
            assert house.front.answer("POST", link(house, who), FORM, form)[0] == 200
        house.cloud.advance(minutes=1)
        yield house


@pytest.fixture
def house():
    with a_desk() as found:
        yield found


def desk(house, hours=8):
    outside = house.cloud.outside()
    keys = read_keys(outside.secrets.text(outside.settings.need("link_secret")))
    until = int((house.cloud.now + timedelta(hours=hours)).timestamp())
    return f"/d/{sign(keys, LinkPurpose.DESK, Link('-', 'Kim', until))}"


def waiting(house):
    return [one.case for one in open_rescues(house.cloud.tables)]


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_the_page_fits_its_window_can_be_tapped_and_read_aloud(browser, house, size):
    browser.size(size)
    before = house.cloud.state_digest()
    browser.open(desk(house))
    browser.titled("Who is not content")
    assert browser.overflow() <= 0
    assert browser.small_targets() == []
    assert browser.findings() == []
    assert browser.driver.title != "on", "what a customer writes is text"
    browser.tap(browser.find("summary"))
    assert "I have reserved the same for you" in browser.find("details").text
    assert browser.overflow() <= 0
    assert browser.findings() == []
    browser.shot(f"desk-{size}")
    assert house.cloud.state_digest() == before, "looking changes nothing"


def test_a_case_is_answered_and_ended_on_a_phone_without_scripts(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.size("phone")
    browser.open(desk(house))
    first = waiting(house)[0]
    browser.tap(next(b for b in browser.all("button") if b.text == "I have answered"))
    assert browser.told() == "Noted as answered."
    answered = next(case for case in waiting(house) if case.ref == first.ref)
    assert answered.answered_at is not None
    section = browser.find(f"//section[.//input[@value='{first.ref}']]", "xpath")
    assert "Answered. It is ended by" in section.text
    select = section.find_element("css selector", "select")
    select.send_keys("refunded")
    browser.tap(section.find_element("css selector", "button[value=close]"))
    assert browser.told(text="Noted as over").startswith("Noted as over.")
    assert [case.ref for case in waiting(house)] == [case.ref for case in waiting(house) if case.ref != first.ref]
    assert len(waiting(house)) == 1
    browser.shot("desk-worked-phone")


def test_the_keyboard_is_enough(browser, house):
    from selenium.webdriver.common.keys import Keys

    browser.size("desktop")
    browser.open(desk(house))
    browser.tab_to(browser.find("summary"))
    browser.press(Keys.ENTER)
    assert browser.find("details").get_attribute("open") is not None
    browser.tab_to(browser.find("button[value=answer]"))
    browser.press(Keys.ENTER)
    assert browser.told() == "Noted as answered."
    assert sum(case.answered_at is not None for case in waiting(house)) == 1


def test_a_page_that_another_hand_overtook_says_so_and_notes_nothing(browser, browser_without_scripts, house):
    """Two at the desk have the same page open."""
    path = desk(house)
    other = Browser(browser_without_scripts.driver, house.front.address)
    for one in (browser, other):
        one.size("desktop")
        one.open(path)
    ref = browser.find("input[name=case]").get_attribute("value")
    browser.tap(browser.find("button[value=close]"))
    assert browser.told(text="Noted as over").startswith("Noted as over.")
    ended = house.cloud.state_digest()
    assert other.find("input[name=case]").get_attribute("value") == ref
    other.tap(other.find("button[value=close]"))
    assert other.told() == "That was not noted. It is over, or it was changed meanwhile."
    assert house.cloud.state_digest() == ended


def test_a_link_that_ran_out_opens_nothing(browser, house):
    path = desk(house, hours=1)
    house.cloud.advance(hours=2)
    browser.open(path)
    assert browser.all("form") == [] and "anna@example.com" not in browser.driver.page_source
    assert browser.findings() == []
