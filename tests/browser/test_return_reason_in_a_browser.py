"""Somebody who gave something back says why, from the mail to the thanks: by finger, by keyboard, without scripts."""

from contextlib import contextmanager

import pytest

from simulator.front import links_of
from tests.browser.conftest import a_house
from tests.browser.test_survey_in_a_browser import put

BOOT = {"line_ref": "1", "title": "Chelsea boot", "quantity": 1, "product_type": "Clothing", "sku": "BOOT-1"}


@contextmanager
def a_house_that_asks_why():
    """Anna and Jonas gave their boots back at the shop's own desk this morning."""
    with a_house() as house:
        for ref, who, locale in (("1080", "anna", "en"), ("1081", "jonas", "de")):
            house.order(ref, who, locale=locale, country="DE" if locale == "de" else "IE", lines=[BOOT])
            put(house, "ReturnRequested", ref=f"RET-{ref}", order_ref=ref, lines={"1": 1})
        house.cloud.advance(hours=4)
        yield house


@pytest.fixture
def house():
    with a_house_that_asks_why() as found:
        yield found


def link(house, who, reason=None):
    """The link of the mail, with that reason as its own line of the mail has it."""
    mail = next(m for m in house.world.mails() if m.recipient == f"{who}@example.com" and links_of(m).get("why it goes back"))
    path = links_of(mail)["why it goes back"].partition("?")[0]
    tapped = f"{path}?reason={reason}" if reason else path
    assert tapped in mail.html.replace("&amp;", "&")
    return tapped


def why(house, who, ref):
    (back,) = house.customer(who).order(f"coffee:{ref}").returns
    return back.reason


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize(("who", "title"), [("anna", "What was wrong with it?"), ("jonas", "Was stimmte nicht damit?")])
def test_the_page_fits_its_window_can_be_tapped_and_read_aloud(browser, house, who, title, size):
    browser.size(size)
    before = house.cloud.state_digest()
    browser.open(link(house, who, "too-small"))
    browser.titled(title)
    assert browser.overflow() <= 0
    assert browser.small_targets() == []
    assert browser.findings() == []
    assert house.cloud.state_digest() == before, "looking changes nothing"
    browser.shot(f"why-returned-{who}-{size}")


def test_one_tap_in_the_mail_and_one_on_the_page_on_a_phone_without_scripts(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.size("phone")
    browser.open(link(house, "anna", "too-small"))
    assert browser.find("input[name=reason][value=too-small]").is_selected()
    browser.find("#text").send_keys("Two sizes too small")
    browser.tap(browser.button("Send"))
    browser.titled("Thank you")
    assert "It is noted" in browser.told()
    assert why(house, "anna", "1080") == "too-small"
    browser.open(link(house, "anna", "late"))
    assert browser.all("form") == [] and why(house, "anna", "1080") == "too-small"


def test_the_keyboard_is_enough_and_an_empty_form_says_so(browser, house):
    from selenium.webdriver.common.keys import Keys

    browser.size("desktop")
    browser.open(link(house, "jonas"))
    browser.tab_to(browser.button("Senden"))
    browser.press(Keys.ENTER)
    assert browser.told("alert") == "Es ist noch nichts gewählt oder geschrieben."
    assert browser.findings() == []
    browser.tab_to(browser.find("input[name=reason][value=too-small]"))
    browser.press(Keys.SPACE, Keys.ARROW_DOWN)
    browser.tab_to(browser.button("Senden"))
    browser.press(Keys.ENTER)
    browser.titled("Danke")
    assert why(house, "jonas", "1081") == "too-large"
    assert browser.findings() == []


def test_a_double_tap_is_said_once(browser, house):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.size("phone")
    browser.open(link(house, "anna", "late"))
    button = browser.button("Send")
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    ActionChains(browser.driver).double_click(button).perform()
    browser.titled("Thank you")
    told = [e.fields for e in house.cloud.journal.entries("event") if e.fields.get("type") == "ReturnExplained"]
    assert len(told) == 1 and why(house, "anna", "1080") == "late"
