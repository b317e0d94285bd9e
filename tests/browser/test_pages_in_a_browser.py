"""A customer at the pages behind the links: by finger, by mouse, by keyboard, without scripts, and for a screen reader."""

import pytest

from aftercare.wishes import Frequency

PAGES = {
    "preferences": ("anna", "coffee", "preferences", "What we may write to you"),
    "preferences-de": ("jonas", "Kaffee", "preferences", "Was wir Ihnen schreiben dürfen"),
    "why-reminder": ("anna", "coffee", "why this mail", "Why you got this message"),
    "why-confirmation-de": ("jonas", "bestätigt", "why this mail", "Warum Sie diese Nachricht bekommen haben"),
    "unsubscribe": ("anna", "coffee", "unsubscribe", "Unsubscribe"),
    "order-status": ("anna", "confirmed", "order status", "We have your order"),
    "order-status-de": ("jonas", "bestätigt", "order status", "Ihre Bestellung ist da"),
    "cue": ("anna", "confirmed", "cue", "How did ordering feel?"),
}
OTHERS = {"leave": ("/leave", "Stop our e-mails"), "link-that-does-not-work": ("/p/AAAA", "This link does not work")}


def path_of(house, page):
    if page in OTHERS:
        return OTHERS[page][0]
    who, subject, kind, _ = PAGES[page]
    return house.links(who, subject)[kind]


def title_of(page):
    return OTHERS[page][1] if page in OTHERS else PAGES[page][3]


@pytest.mark.parametrize("size", ["phone", "desktop"])
@pytest.mark.parametrize("page", [*PAGES, *OTHERS])
def test_every_page_fits_its_window_can_be_tapped_and_read_aloud(browser, house, page, size):
    browser.size(size)
    before = house.cloud.state_digest()
    browser.open(path_of(house, page))
    browser.titled(title_of(page))
    for channel in browser.all("details:not([open]) summary"):
        browser.tap(channel)
    assert browser.overflow() <= 0
    assert browser.small_targets() == []
    assert browser.findings() == []
    assert house.cloud.state_digest() == before, "looking changes nothing"
    browser.shot(f"{page}-{size}")


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_in_dark_mode_everything_can_still_be_read(browser, house, size):
    dark = {"features": [{"name": "prefers-color-scheme", "value": "dark"}]}
    browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", dark)
    try:
        browser.size(size)
        for page in ("preferences", "why-reminder", "order-status"):
            browser.open(path_of(house, page))
            assert browser.findings() == []
            browser.shot(f"{page}-{size}-dark")
    finally:
        browser.driver.execute_cdp_cmd("Emulation.setEmulatedMedia", {"features": []})


@pytest.mark.parametrize("size", ["phone", "desktop"])
def test_choices_are_made_by_tap_and_hold_at_once(browser, house, size):
    browser.size(size)
    browser.open(path_of(house, "preferences"))
    browser.tap(browser.find("input[name=email-promotional][type=checkbox]"))
    browser.tap(browser.find("input[name=email-reorder][type=checkbox]"))
    browser.tap(browser.find("input[name=frequency][value=weekly]"))
    browser.tap(browser.button("Save"))
    assert browser.told() == "Saved. It holds from now on."
    assert (house.says("anna", "promotional"), house.says("anna", "reorder")) == ("given", "withdrawn")
    assert house.customer("anna").wishes.frequency is Frequency.WEEKLY
    assert browser.find("input[name=email-promotional][type=checkbox]").is_selected()
    assert browser.findings() == []
    browser.shot(f"preferences-saved-{size}")


def test_everything_is_turned_off_by_one_tap(browser, house):
    browser.size("phone")
    browser.open(path_of(house, "preferences"))
    first = browser.all("button")[0]
    assert first.text == "Turn everything off"
    assert first.rect["y"] + first.rect["height"] < 844, "without scrolling"
    browser.tap(first)
    assert browser.told() == "Saved. It holds from now on."
    ticked = [box.get_attribute("name") for box in browser.all("input[type=checkbox]") if box.is_selected()]
    assert ticked == ["email-transactional"]
    assert [house.says("anna", p) for p in ("service", "survey", "reorder", "promotional")] == ["withdrawn"] * 4


def test_the_two_buttons_look_alike(browser, house):
    browser.size("phone")
    browser.open(path_of(house, "preferences"))
    looks = ("background-color", "color", "font-size", "font-weight", "width", "height")
    off, save = ([b.value_of_css_property(look) for look in looks] for b in browser.all("button:not(.quiet)"))
    assert [a for a, b in zip(off, save, strict=True) if a != b] in ([], [off[4]])


def test_the_keyboard_is_enough(browser, house):
    from selenium.webdriver.common.keys import Keys

    browser.size("desktop")
    browser.open(path_of(house, "preferences"))
    browser.tab_to(browser.find("input[name=email-promotional][type=checkbox]"))
    browser.press(Keys.SPACE)
    browser.tab_to(browser.all("summary")[1])
    browser.press(Keys.ENTER)
    browser.tab_to(browser.find("input[name=sms-transactional][type=checkbox]"))
    browser.press(Keys.SPACE)
    browser.tab_to(browser.find("input[name=frequency][value=each]"))
    browser.press(Keys.ARROW_DOWN)
    browser.tab_to(browser.find("#pause"))
    browser.press(Keys.ARROW_DOWN, Keys.ARROW_DOWN)
    browser.tab_to(browser.button("Save"))
    browser.press(Keys.ENTER)
    assert browser.told() == "Saved. It holds from now on."
    anna = house.customer("anna")
    assert (house.says("anna", "promotional"), house.says("anna", "transactional", "sms")) == ("given", "given")
    assert anna.wishes.frequency is Frequency.WEEKLY
    assert (anna.wishes.paused_until - house.cloud.now).days == 14
    browser.tab_to(browser.find("a[href$='/why']"))
    browser.press(Keys.ENTER)
    browser.titled("Why you got this message")
    browser.tab_to(browser.button("Stop this: Reorder reminders"))
    browser.press(Keys.ENTER)
    assert browser.told() == "Saved. It holds from now on."
    assert house.says("anna", "reorder") == "withdrawn"


def test_without_scripts_everything_works(browser_without_scripts, house):
    browser = browser_without_scripts
    browser.driver.get("data:text/html,<title>off</title><script>document.title='on'</script>")
    assert browser.driver.title == "off", "scripts are off in this browser"
    browser.size("phone")
    browser.open(path_of(house, "preferences-de"))
    browser.tap(browser.all("summary")[1])
    browser.find("input[name=sms-reorder][type=checkbox]").send_keys(" ")
    browser.find("input[name=quiet][type=checkbox]").send_keys(" ")
    browser.find("#language").send_keys("English")
    browser.tap(browser.button("Speichern"))
    assert browser.told() == "Saved. It holds from now on.", "in the language that was just chosen"
    jonas = house.customer("jonas")
    assert (jonas.wishes.language, jonas.wishes.quiet.zone) == ("en", "Europe/Berlin")
    assert house.says("jonas", "reorder", "sms") == "given"
    browser.tap(browser.find("a[href$='/why']"))
    browser.titled("Why you got this message")
    browser.tap(browser.button("Stop this: Reorder reminders"))
    assert browser.told() == "Saved. It holds from now on."
    assert house.says("jonas", "reorder") == "withdrawn"
    browser.open(path_of(house, "unsubscribe"))
    browser.tap(browser.button("Stop these messages"))
    assert "comes no more" in browser.told()
    assert house.says("anna", "reorder") == "withdrawn"
    browser.open("/p/AAAA")
    browser.find("#address").send_keys("anna@example.com")
    browser.tap(browser.button("Stop e-mails to this address"))
    assert "nothing but news of its orders" in browser.told()
    assert house.says("anna", "service") == "withdrawn"


def test_one_click_stays_on_its_own_page_and_holds_for_the_next_reminder(browser, house):
    browser.size("phone")
    link = path_of(house, "unsubscribe")
    browser.open(link)
    browser.tap(browser.button("Stop these messages"))
    assert browser.path == link, "no redirect"
    assert "comes no more" in browser.told()
    browser.shot("unsubscribed-phone")
    house.order("1072", "anna")
    house.cloud.advance(days=40)
    again = [m for m in house.cloud.messages() if m["template"] == "reorder-reminder" and "1072" in m["key"]]
    assert [(m["settlement"], m["reason"]) for m in again] == [("REFUSED", "channel_turned_off")]


def test_the_page_is_a_document_that_a_screen_reader_can_walk(browser, house):
    browser.open(path_of(house, "preferences"))
    assert browser.find("html").get_attribute("lang") == "en-IE"
    assert len(browser.all("main")) == len(browser.all("h1")) == 1
    unnamed = "return [...document.querySelectorAll('input:not([type=hidden]), select')].filter(e => !e.labels.length).length"
    assert browser.driver.execute_script(unnamed) == 0
    groups = [group.get_attribute("textContent") for group in browser.all("fieldset > legend")]
    shown = [
        "E-mail",
        "Text message (SMS)",
        "What you look at",
        "How often",
        "Pause",
        "Quiet hours",
        "Which way first",
        "Language",
    ]
    assert groups == shown


def test_the_reader_that_finds_nothing_would_find_something(browser):
    bad = "<!doctype html><title>x</title><body style='color:%23bbb;background:%23fff'><input><p>hardly to be read"
    browser.driver.get(f"data:text/html,{bad}")
    assert {rule for rule, _, _ in browser.findings()} >= {"color-contrast", "label", "html-has-lang"}
    assert browser.small_targets() != []
