"""A real browser in front of the local cloud: headless Chromium as Debian packs it, read by axe-core.

Without them these tests are skipped, except where AFTERCARE_BROWSER=required (`.ci/run`): there they fail.
"""

import base64
import importlib.util
import json
import os
import shutil
import threading
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

import pytest

from aftercare.clock import iso
from simulator.commands.world import opened
from simulator.front import Front, links_of

ROOT = Path(__file__).resolve().parents[2]
AXE = ROOT / ".tools" / "axe" / "node_modules" / "axe-core" / "axe.min.js"
SHOTS = ROOT / "build" / "browser"
START = datetime(2026, 3, 2, 9, tzinfo=UTC)
PHONE, DESKTOP = (390, 844), (1280, 900)
SIZES = {"phone": PHONE, "desktop": DESKTOP}


def _missing(what):
    text = f"{what}: `bash .ci/browser` brings what the browser tests need"
    if os.environ.get("AFTERCARE_BROWSER") == "required":
        pytest.fail(text, pytrace=False)
    pytest.skip(text)


class Browser:
    """One Chromium. `scripts` off is a browser whose user has turned JavaScript off."""

    def __init__(self, driver, address):
        self.driver = driver
        self.address = address

    def size(self, name):
        width, height = SIZES[name]
        metrics = {"width": width, "height": height, "deviceScaleFactor": 1, "mobile": name == "phone"}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)

    def open(self, path):
        self.driver.get(self.address + path)

    @property
    def path(self):
        return self.driver.current_url.removeprefix(self.address)

    def find(self, css, by="css selector"):
        """The element, waited for: a form's answer takes a moment, in which the driver may be looking at the page that goes."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        wait = WebDriverWait(self.driver, 5, poll_frequency=0.05, ignored_exceptions=(WebDriverException,))
        return wait.until(lambda driver: driver.find_element(by, css), css)

    def all(self, css):
        return self.driver.find_elements("css selector", css)

    def tap(self, element):
        """Scroll until the element is in the middle of the window, as a person does, and tap it. Needs no scripts."""
        from selenium.common.exceptions import ElementClickInterceptedException
        from selenium.webdriver.common.action_chains import ActionChains

        far, tries = 100_000, 5
        for left in reversed(range(tries)):
            down = max(int(element.rect["y"]) - 300, 0)
            ActionChains(self.driver).scroll_by_amount(0, -far).scroll_by_amount(0, down).perform()
            try:
                element.click()
            except ElementClickInterceptedException:  # a busy machine has not scrolled yet
                if not left:
                    raise
            else:
                return

    def told(self, role="status", text=""):
        """What the page says there, read whole: a form's answer may take its place meanwhile. `text` is waited for."""
        from selenium.common.exceptions import WebDriverException
        from selenium.webdriver.support.wait import WebDriverWait

        def said(driver):
            found = driver.find_element("css selector", f"[role={role}]").text
            return found if text in found else None

        wait = WebDriverWait(self.driver, 5, poll_frequency=0.05, ignored_exceptions=(WebDriverException,))
        return wait.until(said, f"{role}: {text}")

    def titled(self, title):
        """Wait until the page with this heading is there."""
        self.find(f'//h1[.="{title}"]', "xpath")

    def button(self, text):
        (only,) = [b for b in self.all("button") if b.text == text]
        return only

    def press(self, *keys):
        from selenium.webdriver.common.action_chains import ActionChains

        for key in keys:
            ActionChains(self.driver).send_keys(key).perform()

    def focused(self):
        return self.driver.switch_to.active_element

    def tab_to(self, what, most=60):
        """Press Tab until the element has the focus; its outline is there and it is not hidden behind anything."""
        from selenium.webdriver.common.keys import Keys

        for _ in range(most):
            self.press(Keys.TAB)
            if self.focused() == what:
                assert self.is_seen(what), "the focus can be seen"
                return
        raise AssertionError("the keyboard does not get there")

    def is_seen(self, element):
        """Whether the element is on the screen with its outline, and what lies on top there is itself or a part of it."""
        script = """
            const e = arguments[0], b = e.getBoundingClientRect(), s = getComputedStyle(e);
            const top = document.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2);
            return s.outlineStyle !== 'none' && parseFloat(s.outlineWidth) >= 2 && (top === e || e.contains(top));
        """
        return self.driver.execute_script(script, element)

    def findings(self):
        """What axe-core has against the page, serious and critical: rule, impact, and where."""
        if not AXE.exists():
            _missing("axe-core is not there")
        self.driver.execute_script(AXE.read_text(encoding="utf-8"))
        run = "const done = arguments[0]; axe.run().then(r => done(r.violations), e => done(String(e)))"
        found = self.driver.execute_async_script(run)
        assert isinstance(found, list), found
        return [(v["id"], v["impact"], [n["html"] for n in v["nodes"]]) for v in found if v["impact"] in ("serious", "critical")]

    def overflow(self):
        """By how many pixels the page is wider than the window."""
        return self.driver.execute_script("return document.documentElement.scrollWidth - window.innerWidth")

    def small_targets(self):
        """What can be tapped and is lower than 44 pixels: the label of a field counts as the field."""
        script = """
            const found = [];
            for (const e of document.querySelectorAll('button, select, summary, a, input:not([type=hidden])')) {
                const target = e.closest('label') || e, box = target.getBoundingClientRect();
                if (box.height && box.height < 44) found.push(target.outerHTML.slice(0, 80) + ' ' + box.height);
            }
            return found;
        """
        return self.driver.execute_script(script)

    def shot(self, name):
        """The whole page as a picture, as high as it is."""
        size = self.driver.execute_cdp_cmd("Page.getLayoutMetrics", {})["cssContentSize"]
        width = self.driver.execute_script("return window.innerWidth")
        metrics = {"width": width, "height": int(size["height"]), "deviceScaleFactor": 1, "mobile": width == PHONE[0]}
        self.driver.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", metrics)
        taken = self.driver.execute_cdp_cmd("Page.captureScreenshot", {"format": "png"})
        SHOTS.mkdir(parents=True, exist_ok=True)
        (SHOTS / f"{name}.png").write_bytes(base64.b64decode(taken["data"]))


class House:
    """A small shop on the local cloud after some weeks: who ordered, what they got, and the pages behind its links."""

    def __init__(self, world, front):
        self.world = world
        self.cloud = world.cloud
        self.front = front

    def order(self, ref, who, **more):
        order = {
            "name": f"#{ref}",
            "placed_at": iso(self.cloud.now),
            "contact": {"email": f"{who}@example.com", "name": who.title(), "phone": "+353861234567"},
            "country": "IE",
            "locale": "en",
            "total": {"amount": "54.70", "currency": "EUR"},
            "lines": [
                {
                    "line_ref": "1",
                    "title": "House espresso",
                    "variant": "1 kg, whole bean",
                    "quantity": 2,
                    "product_type": "Coffee",
                    "unit_price": {"amount": "24.90", "currency": "EUR"},
                }
            ],
            "fees": [{"kind": "shipping", "label": "DHL", "amount": {"amount": "4.90", "currency": "EUR"}}],
            **more,
        }
        said = [{"channel": "email", "purpose": "reorder", "says": "given", "confirmed": True}]
        detail = {"ref": ref, "occurred_at": iso(self.cloud.now), "order": order, "consent": said}
        entry = {"Source": "store.coffee", "DetailType": "OrderPlaced", "EventBusName": self.cloud.store_bus}
        self.cloud.put_events([{**entry, "Detail": json.dumps(detail)}])
        self.cloud.run()

    def links(self, who, subject):
        """The pages that a mail to somebody links to, by what they open."""
        mail = next(m for m in self.world.mails() if m.recipient == f"{who}@example.com" and subject in m.subject)
        return links_of(mail)

    def customer(self, who):
        from aftercare import identity, keys, store

        alias = keys.email_alias(identity.keyed_hash(self.world.identity_secret(), f"{who}@example.com"))
        found = self.cloud.tables.read([alias])[alias]
        return store.load(self.cloud.tables, str(found["customer_id"]))

    def says(self, who, purpose, channel="email"):
        from aftercare.consent import Channel, Purpose

        head = self.customer(who).consent.head(Channel(channel), Purpose(purpose))
        return head and str(head.says)


@contextmanager
def a_house():
    with opened("memory", 3, START, switch="on") as world, Front(world) as front:
        house = House(world, front)
        house.order("1070", "anna")
        house.order("1071", "jonas", country="DE", locale="de")
        house.cloud.advance(days=40)
        # The server's thread and the test take turns: a test looks at the cloud only between its requests.
        serving = threading.Thread(target=front.serve_forever, daemon=True)
        serving.start()
        try:
            yield house
        finally:
            front.shutdown()
            serving.join()


@pytest.fixture
def house():
    with a_house() as found:
        yield found


@contextmanager
def _chromium(*, scripts):
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not chromium or not driver:
        _missing("Chromium or its driver is not there")
    if importlib.util.find_spec("selenium") is None:
        _missing("selenium is not there (make test brings it)")
    from selenium import webdriver

    options = webdriver.ChromeOptions()
    options.binary_location = chromium
    # No sandbox of its own inside a container, and no word to anybody.
    words = "headless=new no-sandbox disable-gpu disable-dev-shm-usage disable-background-networking hide-scrollbars"
    for word in words.split():
        options.add_argument(f"--{word}")
    if not scripts:
        options.add_experimental_option("prefs", {"profile.managed_default_content_settings.javascript": 2})
    browser = webdriver.Chrome(options=options, service=webdriver.ChromeService(driver))
    try:
        yield browser
    finally:
        browser.quit()


@pytest.fixture(scope="session")
def _with_scripts():
    with _chromium(scripts=True) as driver:
        yield driver


@pytest.fixture(scope="session")
def _without_scripts():
    with _chromium(scripts=False) as driver:
        yield driver


@pytest.fixture
def browser(_with_scripts, house):
    return Browser(_with_scripts, house.front.address)


@pytest.fixture
def browser_without_scripts(_without_scripts, house):
    return Browser(_without_scripts, house.front.address)


REPORT = """<!doctype html><html lang="en"><meta charset="utf-8"><title>The pages in a browser</title>
<style>body{font:1rem system-ui;display:flex;flex-wrap:wrap;gap:1.5rem}img{width:15rem;border:1px solid #ccc}</style>
"""
PICTURE = '<figure><a href="{0}.png"><img src="{0}.png" alt="{0}"></a><figcaption>{0}</figcaption></figure>\n'


def pytest_sessionfinish():
    """One page with every picture that was taken: build/browser/report.html. Of several processes the last has them all."""
    pictures = sorted(SHOTS.glob("*.png"))
    if pictures:
        text = REPORT + "".join(PICTURE.format(picture.stem) for picture in pictures)
        (SHOTS / "report.html").write_text(text, encoding="utf-8")
