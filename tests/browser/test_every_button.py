"""Every link of every mail is opened, every link of its pages followed and every button pressed: none leads nowhere."""

import base64
import re
import threading
from collections import deque
from contextlib import contextmanager
from datetime import timedelta
from urllib.parse import urlsplit

import pytest

from aftercare import ledger
from aftercare.consent import Purpose
from aftercare.decision import Decision, Message, Reason, State
from aftercare.proposal import Proposal
from simulator.commands.demo import SCENARIO
from simulator.commands.simulate import read
from simulator.commands.world import opened
from simulator.front import Front, links_of
from simulator.scenario.play import Faults, Play
from tests.browser.conftest import a_house

ROUTES = {
    ("GET", "o"),
    ("POST", "o/read"),
    ("GET", "o/return"),
    ("POST", "o/return"),
    ("GET", "p"),
    ("POST", "p"),
    ("GET", "p/why"),
    ("POST", "p/orders"),
    ("POST", "p/export"),
    ("POST", "p/erase"),
    ("GET", "u"),
    ("POST", "u"),
    ("GET", "c"),
    ("POST", "c"),
    ("GET", "orders"),
    ("GET", "export"),
    ("POST", "export"),
    ("GET", "erase"),
    ("POST", "erase"),
    ("GET", "leave"),
    ("POST", "leave"),
}


class Walk:
    """A customer who leaves nothing untouched. What was opened and pressed is not again, whichever token led there."""

    def __init__(self, browser, front):
        self.browser = browser
        self.front = front
        self.answers = []
        self.todo, self.opened, self.pressed = deque(), set(), set()
        self.read = 0
        self._answer = front.answer
        front.answer = self._noting

    def _noting(self, method, target, headers, body):
        status, told, answer = self._answer(method, target, headers, body)
        if target != "/favicon.ico":  # every browser asks for it, and no page names it
            over = status == 410 and _ends(target) <= self.front.world.cloud.now.timestamp()
            self.answers.append((method, _route(target), 200 if over else status))
        return status, told, answer

    def all(self, *more):
        """Everything that mails lead to, those that came of a press too; being forgotten comes last."""
        self.todo.extend(more)
        while True:
            mails = list(self.front.world.mails())
            self.todo.extend(path for mail in mails[self.read :] for path in links_of(mail).values())
            self.read = len(mails)
            if not self.todo:
                return
            path = min(self.todo, key=lambda path: "/erase/" in path)
            self.todo.remove(path)
            if _about(path) not in self.opened:
                self.opened.add(_about(path))
                self._page(path)

    def _page(self, path):
        while True:
            self.browser.open(path)
            self._links()
            button = self._unpressed()
            if button is None:
                return
            while button:
                self._press(button)
                self._links()
                button = self._unpressed()
            if "/export/" in path:  # it works once
                return

    def _links(self):
        for link in self.browser.all("a[href]"):
            url = link.get_attribute("href")
            if url.startswith(self.front.address):
                found = urlsplit(url)
                self.todo.append(found.path + (f"?{found.query}" if found.query else ""))

    def _unpressed(self):
        title = (self.browser.all("h1") or [None])[0]
        for button in self.browser.all("button"):
            named = (_route(self.browser.path), title.text if title else "", button.get_attribute("textContent"))
            if named not in self.pressed:
                self.pressed.add(named)
                return button
        return None

    def _press(self, button):
        """As somebody does who wants it to work: what must be chosen is chosen first."""
        form = button.find_element("xpath", "ancestor::form")
        for closed in form.find_elements("xpath", "ancestor::details[not(@open)]"):
            closed.find_element("css selector", "summary").click()
        for field in form.find_elements("css selector", "input[type=email]"):
            field.send_keys("nobody@example.com")
        for chosen in form.find_elements("css selector", "select[name^=line-]"):
            chosen.send_keys("1")
        radios = form.find_elements("css selector", "input[type=radio]")
        for name in {radio.get_attribute("name") for radio in radios}:
            same = [radio for radio in radios if radio.get_attribute("name") == name]
            if not any(radio.is_selected() for radio in same):
                self._tap(same[0])
        before = len(self.answers)
        self._tap(button)
        from selenium.webdriver.support.wait import WebDriverWait

        WebDriverWait(self.browser.driver, 5, poll_frequency=0.02).until(lambda _: len(self.answers) > before)
        # The answer is there; the page that it brings (a file brings none) is when the browser says so.
        complete = "return document.readyState === 'complete'"
        WebDriverWait(self.browser.driver, 5, poll_frequency=0.02).until(lambda driver: driver.execute_script(complete))

    def _tap(self, element):
        self.browser.driver.execute_script("arguments[0].scrollIntoView({block: 'center'})", element)
        element.click()


def _route(target):
    first, _, rest = urlsplit(target).path.strip("/").partition("/")
    _, _, last = rest.partition("/")
    return f"{first}/{last}" if last else first


TOKEN = re.compile(r"/(\w+)/([\w-]{30,})(/\w+)?(\?.*)?")


def _token(found):
    return base64.urlsafe_b64decode(found[2] + "=" * (-len(found[2]) % 4))


def _about(path):
    """What a path opens, whenever its token was signed: the route with the subject, without kid, end and signature."""
    found = TOKEN.fullmatch(path)
    if not found:
        return path
    raw = _token(found)
    return found[1], raw[1], raw[6:-16], found[3], found[4]


def _ends(path):
    """When a path's token ends: the demo ends after 90 days, and links of its first mails with it."""
    found = TOKEN.fullmatch(path)
    return int.from_bytes(_token(found)[2:6], "big") if found else float("inf")


@contextmanager
def serving(front):
    thread = threading.Thread(target=front.serve_forever, daemon=True)
    thread.start()
    try:
        yield
    finally:
        front.shutdown()
        thread.join()


@pytest.fixture
def _browser(_with_scripts):
    from tests.browser.conftest import Browser

    return lambda front: Browser(_with_scripts, front.address)


def test_no_link_and_no_button_of_the_demos_pages_leads_nowhere(_browser):
    scenario, faults = read(SCENARIO), Faults()
    with opened("memory", 1, scenario.start, switch=None, faults=faults.plan, channels=scenario.channels) as world:
        Play(world, scenario, faults, passing=lambda _: None).run()
        with Front(world, 0) as front, serving(front):
            walk = Walk(_browser(front), front)
            walk.browser.size("phone")
            walk.all("/leave")
    assert [answer for answer in walk.answers if answer[2] >= 400] == []
    assert {(method, route) for method, route, _ in walk.answers} >= ROUTES - {("GET", "o/return"), ("POST", "o/return")}


def waiting(house, who):
    """A message about the first order that waits to be sent: the account page shows it with a way to wave it away."""
    customer, now = house.customer(who), house.cloud.now
    proposal = Proposal(
        key=f"order-packed#{customer.orders[0].key}",
        customer_id=customer.id,
        purpose=Purpose.TRANSACTIONAL,
        template="order-packed",
        references={"order": customer.orders[0].key},
        not_after=now + timedelta(days=3),
        proposed_at=now,
        caused_by="test",
        correlation_id="test",
    )
    until = now + timedelta(hours=8)
    held = Decision(at=now, state=State.HELD, reason=Reason.QUIET_HOURS, until=until)
    ledger.hold(house.cloud.tables, customer, Message(proposal=proposal, state=State.HELD, decisions=(held,)), until, now)


def test_no_link_and_no_button_of_an_account_leads_nowhere(_browser):
    """A parcel that was delivered, a return to ask for, messages to read and one to wave away."""
    from tests.browser.test_account_in_a_browser import deliver

    with a_house() as house:
        deliver(house)
        waiting(house, "jonas")
        walk = Walk(_browser(house.front), house.front)
        walk.browser.size("phone")
        walk.all()
    assert [answer for answer in walk.answers if answer[2] >= 400] == []
    assert {(method, route) for method, route, _ in walk.answers} >= ROUTES - {("GET", "leave"), ("POST", "leave")}
    labels = {text for _, _, text in walk.pressed}
    assert any(text.startswith("Lesen") for text in labels) and any(text.startswith("Ich habe es gesehen") for text in labels), (
        labels
    )
