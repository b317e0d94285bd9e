"""A customer answers the survey in a real browser: from the mail to the thanks, by finger, by keyboard, without scripts."""

import json
from contextlib import contextmanager

import pytest

from aftercare.clock import iso
from aftercare.feedback import Given, content
from simulator.front import links_of
from tests.browser.conftest import a_house

NUMBERS = {"anna": "00340434161094000001", "jonas": "00340434161094000002"}


def put(house, kind, **detail):
    entry = {"Source": "store.coffee", "DetailType": kind, "EventBusName": house.cloud.store_bus}
    house.cloud.put_events([{**entry, "Detail": json.dumps({"occurred_at": iso(house.cloud.now), **detail})}])
    house.cloud.run()


@contextmanager
def a_house_that_asks():
    """Anna and Jonas agreed to be asked; their parcels arrived yesterday, and the question is in their mail."""
    with a_house() as house:
        for ref, who, locale in (("1080", "anna", "en"), ("1081", "jonas", "de")):
            house.order(ref, who, locale=locale, country="DE" if locale == "de" else "IE")
            said = [{"channel": "email", "purpose": "survey", "says": "given", "confirmed": True}]
            put(house, "ConsentChanged", contact={"email": f"{who}@example.com"}, said=said)
            parcel = {"number": NUMBERS[who], "carrier": "DHL"}
            put(house, "ShipmentCreated", ref=f"S-{ref}", order_ref=ref, parcels=[parcel])
            house.cloud.advance(days=2)
            put(house, "ShipmentMoved", parcels=[{**parcel, "scans": [{"status": "delivered", "at": iso(house.cloud.now)}]}])
        house.cloud.advance(days=1)
        yield house


@pytest.fixture
def house():
    with a_house_that_asks() as found:
        yield found


def link(house, who, score=None):
    """The link of the mail that opens the survey: with that score, as its own line of the mail has it."""
    mail = next(m for m in house.world.mails() if m.recipient == f"{who}@example.com" and links_of(m).get("survey"))
    path = links_of(mail)["survey"].partition("?")[0]
    if score is None:
        return path
    tapped = f"{path}?score={score}"
    assert tapped in mail.html.replace("&amp;", "&")
    return tapped


def answer(house, who):
    customer = house.customer(who)
    if customer.feedback is None:
        return None
    (line,) = customer.feedback.answers
    return content(house.cloud.tables, customer.id, line)


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize(("who", "title"), [("anna", "How was it?"), ("jonas", "Wie war es?")])
def test_the_page_fits_its_window_can_be_tapped_and_read_aloud(browser, house, who, title, size):
    browser.size(size)
    before = house.cloud.state_digest()
    browser.open(link(house, who, 4))
    browser.titled(title)
    assert browser.overflow() <= 0
    assert browser.small_targets() == []
    assert browser.findings() == []
    assert house.cloud.state_digest() == before, "looking changes nothing"
    browser.shot(f"survey-{who}-{size}")


def test_from_the_mail_to_the_thanks_on_a_phone_and_changed_afterwards(browser, house):
    browser.size("phone")
    browser.open(link(house, "anna", 4))
    assert browser.find("input[name=score][value='4']").is_selected()
    assert browser.button("Send").rect["x"] >= 0
    browser.tap(browser.find("input[name=slow-delivery]"))
    browser.tap(browser.find("input[name=wish][value=tip]"))
    browser.find("#text").send_keys("The parcel was late, the coffee is lovely")
    browser.tap(browser.button("Send"))
    browser.titled("Thank you")
    assert browser.told() == "That helps us to do better."
    text = "The parcel was late, the coffee is lovely"
    assert answer(house, "anna") == Given(score=4, slowed_down=("delivery",), wish="tip", text=text)
    assert browser.findings() == []
    assert browser.overflow() <= 0
    browser.shot("survey-thanks-phone")
    browser.tap(browser.find("summary"))
    browser.tap(browser.find("input[name=score][value='2']"))
    assert browser.small_targets() == []
    browser.tap(browser.button("Send"))
    browser.titled("Thank you")
    assert "We are sorry" in browser.told()
    assert answer(house, "anna").score == 2
    browser.open(link(house, "anna", 5))
    assert "You have answered already" in browser.told()
    assert browser.find("#text").get_attribute("value") == text, "what was written is there again"
    assert answer(house, "anna").score == 2


def test_the_keyboard_is_enough(browser, house):
    from selenium.webdriver.common.keys import Keys

    browser.size("desktop")
    browser.open(link(house, "anna"))
    browser.tab_to(browser.find("input[name=score][value='1']"))
    browser.press(Keys.SPACE, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    browser.tab_to(browser.find("input[name=good-product]"))
    browser.press(Keys.SPACE)
    browser.tab_to(browser.find("#text"))
    browser.focused().send_keys("Good")
    browser.tab_to(browser.button("Send"))
    browser.press(Keys.ENTER)
    browser.titled("Thank you")
    assert answer(house, "anna") == Given(score=5, stood_out=("product",), text="Good")


def test_without_scripts_half_an_answer_is_kept_and_completed(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.driver.get("data:text/html,<title>off</title><script>document.title='on'</script>")
    assert browser.driver.title == "off", "scripts are off in this browser"
    browser.size("phone")
    browser.open(link(house, "jonas"))
    browser.tap(browser.button("Senden"))
    assert browser.told("alert") == "Es ist noch nichts gewählt oder geschrieben."
    browser.find("#text").send_keys("Karton war nass")
    browser.find("input[name=call]").send_keys(" ")
    browser.find("#number").send_keys("ruf mich an")
    browser.tap(browser.button("Senden"))
    browser.titled("Danke")
    assert answer(house, "jonas") == Given(text="Karton war nass", call=True)
    assert browser.find("#text").get_attribute("value") == "Karton war nass"
    browser.find("input[name=score][value='3']").send_keys(" ")
    browser.find("#number").clear()
    browser.find("#number").send_keys("+49 151 1234567")
    browser.tap(browser.button("Senden"))
    assert browser.told(text="Wir rufen Sie an.")
    assert answer(house, "jonas") == Given(score=3, text="Karton war nass", call=True, number="+491511234567")


def test_in_dark_mode_everything_can_still_be_read(browser, house):
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        browser.size("phone")
        browser.open(link(house, "anna", 5))
        assert browser.findings() == []
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


def test_a_double_tap_on_send_is_one_answer(browser, house):
    from selenium.webdriver.common.action_chains import ActionChains

    browser.size("phone")
    browser.open(link(house, "anna", 5))
    button = browser.button("Send")
    browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", button)
    ActionChains(browser.driver).double_click(button).perform()
    browser.titled("Thank you")
    assert answer(house, "anna") == Given(score=5)
    assert house.customer("anna").feedback.answers[0].version == 1


CAMERA = {"line_ref": "1", "title": "Larkfield One", "quantity": 1, "product_type": "Camera", "sku": "CAM-1"}


def test_steps_are_ticked_off_on_a_phone_without_scripts_and_are_there_again(browser_without_scripts, house):
    browser = browser_without_scripts
    house.order("1090", "anna", lines=[CAMERA])
    parcel = {"number": "00340434161094000003", "carrier": "DHL"}
    put(house, "ShipmentCreated", ref="S-1090", order_ref="1090", parcels=[parcel])
    house.cloud.advance(days=1)
    put(house, "ShipmentMoved", parcels=[{**parcel, "scans": [{"status": "delivered", "at": iso(house.cloud.now)}]}])
    house.cloud.advance(hours=3)
    path = next(links_of(m)["guide"] for m in house.world.mails() if links_of(m).get("guide"))
    browser.size("phone")
    browser.open(path)
    browser.titled("Step by step")
    assert browser.overflow() <= 0
    browser.tap(browser.find("input[name=step-camera-0]"))
    browser.tap(browser.button("Save"))
    assert browser.told() == "Saved. You can come back to this page at any time."
    browser.open(path)
    assert browser.find("input[name=step-camera-0]").is_selected()
    browser.tap(browser.find("input[name=used-camera]"))
    browser.tap(browser.button("Save"))
    assert browser.told() == "Everything is in use. Enjoy it."
    browser.shot("guide-phone")


def test_the_guide_can_be_tapped_and_read_aloud(browser, house):
    house.order("1091", "anna", lines=[CAMERA])
    parcel = {"number": "00340434161094000004", "carrier": "DHL"}
    put(house, "ShipmentCreated", ref="S-1091", order_ref="1091", parcels=[parcel])
    house.cloud.advance(days=1)
    put(house, "ShipmentMoved", parcels=[{**parcel, "scans": [{"status": "delivered", "at": iso(house.cloud.now)}]}])
    house.cloud.advance(hours=3)
    browser.size("phone")
    browser.open(next(links_of(m)["guide"] for m in house.world.mails() if links_of(m).get("guide")))
    assert browser.small_targets() == []
    assert browser.findings() == []
