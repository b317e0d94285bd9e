"""One's own data in a real browser: from the button to the file, to all orders and to being forgotten, also without scripts."""

import json

import pytest

WALK = {
    "orders": ("Show me all my orders", "All your orders"),
    "export": ("Send me what you know of me", "Your data"),
    "erase": ("Forget me", "Shall we forget you?"),
}
KINDS = {"orders": "all orders", "export": "my data", "erase": "forget me"}


def asked(browser, house, opens):
    """Press the button on the page of choices; the path of the link in the mail that came."""
    browser.open(house.links("anna", "coffee")["preferences"])
    browser.tap(browser.button(WALK[opens][0]))
    browser.titled("We have sent you a link")
    assert "a•••@example.com" in browser.told()
    mail = list(house.world.mails())[-1]
    assert mail.recipient == "anna@example.com"
    return house.links("anna", mail.subject)[KINDS[opens]]


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("opens", WALK)
def test_every_page_of_the_way_fits_its_window_and_can_be_tapped_and_read_aloud(browser, house, opens, size):
    browser.size(size)
    path = asked(browser, house, opens)
    browser.shot(f"asked-{opens}-{size}")
    assert (browser.overflow(), browser.small_targets(), browser.findings()) == (0, [], [])
    before = house.cloud.state_digest()
    browser.open(path)
    browser.titled(WALK[opens][1])
    assert (browser.overflow(), browser.small_targets(), browser.findings()) == (0, [], [])
    browser.shot(f"{opens}-{size}")
    assert house.cloud.state_digest() == before, "looking changes nothing"
    again = house.links("anna", "coffee")["preferences"]
    browser.open(again)
    browser.tap(browser.button(WALK[opens][0]))
    browser.titled("A link is on its way already")
    assert browser.findings() == []
    browser.shot(f"asked-again-{size}")


def test_a_file_comes_without_scripts_once(browser_without_scripts, house, tmp_path):
    browser = browser_without_scripts
    browser.size("phone")
    path = asked(browser, house, "export")
    browser.driver.execute_cdp_cmd("Browser.setDownloadBehavior", {"behavior": "allow", "downloadPath": str(tmp_path)})
    browser.open(path)
    browser.tap(browser.button("Download the file"))
    from selenium.webdriver.support.wait import WebDriverWait

    WebDriverWait(browser.driver, 5, poll_frequency=0.05).until(lambda _: list(tmp_path.glob("my-data-*.json")))
    (file,) = tmp_path.glob("my-data-*.json")
    document = json.loads(file.read_text(encoding="utf-8"))
    assert document["kept"]["profile"][0]["record"]["contact"]["email"] == "anna@example.com"
    browser.open(path)
    browser.titled("This link has been used")
    browser.shot("export-used-phone")


def test_being_forgotten_takes_two_taps_in_two_places_without_scripts(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.size("phone")
    path = asked(browser, house, "erase")
    assert house.customer("anna").orders, "nothing is gone before it was confirmed"
    browser.open(path)
    browser.tap(browser.button("Yes, forget me"))
    browser.titled("You are being forgotten")
    browser.shot("forgotten-phone")
    with pytest.raises(KeyError):
        house.customer("anna")
    house.cloud.advance(hours=1)
    assert "anna@example.com" not in json.dumps(house.cloud.items("CustomerTable"), default=str)


def test_all_orders_lead_to_their_pages_without_scripts(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.size("phone")
    house.order("1080", "anna")
    browser.open(asked(browser, house, "orders"))
    assert [link.text for link in browser.all("main ul a")] == ["#1080", "#1070"]
    browser.tap(browser.all("main ul a")[1])
    browser.titled("We have your order")
    assert "#1070" in browser.find(".over").text


def test_a_link_whose_time_is_over_says_so_without_scripts(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.size("phone")
    path = asked(browser, house, "erase")
    house.cloud.advance(minutes=16)
    browser.open(path)
    browser.titled("This link's time is over")
    assert house.customer("anna").orders
