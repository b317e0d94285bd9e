"""An order's account in a real browser: from the link to a return, without scripts, by finger and by keyboard."""

import json
from datetime import timedelta

import pytest

from aftercare.clock import iso


def deliver(house):
    """Jonas has a second order that arrived three days ago: the path of its account."""
    house.order("2001", "jonas", country="DE", locale="de")
    now = house.cloud.now
    parcels = [{"number": "00340434161094000009", "carrier": "DHL", "url": "https://track.example/9"}]
    scans = [
        {"status": status, "at": iso(now + timedelta(hours=hours))} for status, hours in (("in_transit", 9), ("delivered", 40))
    ]
    shipment = {"ref": "S-9", "order_ref": "2001", "occurred_at": iso(now), "shipped_at": iso(now), "parcels": parcels}
    house.cloud.advance(hours=44)
    for kind, detail in (
        ("ShipmentCreated", shipment),
        ("ShipmentMoved", {"ref": "S-9", "occurred_at": iso(now), "scans": scans}),
    ):
        entry = {
            "Source": "store.coffee",
            "DetailType": kind,
            "EventBusName": house.cloud.store_bus,
            "Detail": json.dumps(detail),
        }
        house.cloud.put_events([entry])
        house.cloud.run()
    house.cloud.advance(days=1)
    return house.links("jonas", "#2001")["order status"]


@pytest.fixture
def delivered(house):
    return deliver(house)


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_the_account_can_be_tapped_and_read_aloud_wherever_one_is(browser, house, delivered, size):
    browser.size(size)
    before = house.cloud.state_digest()
    for path, title in ((delivered, "Ihre Bestellung ist zugestellt"), (f"{delivered}/return", "Etwas zurückschicken")):
        browser.open(path)
        browser.titled(title)
        for part in browser.all("details:not([open]) summary"):
            browser.tap(part)
        assert browser.overflow() <= 0
        assert browser.small_targets() == []
        assert browser.findings() == []
        assert browser.find("aside.ask a").is_displayed()
        browser.shot(f"{'return' if path != delivered else 'account'}-{size}")
    assert house.cloud.state_digest() == before, "looking changes nothing"


def test_large_buttons_are_few_and_the_first_screen_says_where_it_is(browser, house, delivered):
    browser.size("phone")
    browser.open(delivered)
    buttons = browser.all("#confirm .button")
    assert [button.text for button in buttons] == ["Etwas zurückschicken", "Hilfe bekommen"]
    assert all(button.rect["y"] + button.rect["height"] < 844 for button in buttons), "without scrolling"


def test_the_five_places_are_landmarks_with_names(browser, house, delivered):
    browser.open(delivered)
    named = """
        const title = section => document.getElementById(section.getAttribute('aria-labelledby')).innerText;
        return [...document.querySelectorAll('section')].map(title);
    """
    assert browser.driver.execute_script(named) == [
        "Ihre Bestellung ist zugestellt",
        "Wo sie ist",
        "Hilfe",
        "Rückgabe und Bezahlung",
        "Wie es weitergeht",
    ]


def test_a_return_is_asked_for_in_two_steps_without_scripts(browser_without_scripts, house, delivered):
    browser = browser_without_scripts
    browser.size("phone")
    browser.open(delivered)
    browser.tap(browser.find("#confirm .button"))
    browser.titled("Etwas zurückschicken")
    browser.find("#line-1").send_keys("1")
    browser.find("input[name=wish][value=credit]").send_keys(" ")
    browser.tap(browser.button("Weiter"))
    browser.titled("Bitte prüfen Sie es")
    assert not house.customer("jonas").order("coffee:2001").returns, "the first step records nothing"
    browser.shot("return-check-phone")
    browser.tap(browser.button("Diese Rücksendung anmelden"))
    browser.titled("Ihre Anfrage ist da")
    (asked,) = house.customer("jonas").order("coffee:2001").returns
    assert (asked.lines, asked.wish, asked.reason) == ({"1": 1}, "credit", "unsaid")
    assert asked.ref in browser.told()
    assert browser.find("svg.code").is_displayed()
    browser.shot("return-asked-phone")
    browser.driver.refresh()
    assert len(house.customer("jonas").order("coffee:2001").returns) == 1


def test_the_keyboard_is_enough_for_a_return(browser, house, delivered):
    from selenium.webdriver.common.keys import Keys

    browser.size("desktop")
    browser.open(f"{delivered}/return")
    browser.tab_to(browser.find("#line-1"))
    browser.press(Keys.ARROW_DOWN)
    browser.tab_to(browser.find("input[name=reason]:checked"))
    browser.press(Keys.ARROW_UP)
    browser.tab_to(browser.find("#text"))
    browser.focused().send_keys("Zu bitter")
    browser.tab_to(browser.button("Weiter"))
    browser.press(Keys.ENTER)
    browser.titled("Bitte prüfen Sie es")
    assert browser.findings() == []
    browser.tab_to(browser.button("Diese Rücksendung anmelden"))
    browser.press(Keys.ENTER)
    browser.titled("Ihre Anfrage ist da")
    assert browser.findings() == []
    (asked,) = house.customer("jonas").order("coffee:2001").returns
    assert (asked.lines, asked.wish, asked.reason) == ({"1": 1}, "refund", "changed-mind")


def test_in_dark_mode_the_account_and_its_code_can_be_read(browser, house, delivered):
    browser.size("phone")
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        for path in (delivered, f"{delivered}/return"):
            browser.open(path)
            assert browser.findings() == []
        browser.open(delivered)
        browser.shot("account-phone-dark")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})
