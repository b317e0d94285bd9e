"""A store with many customers over weeks, whose answers are counted: small enough to be counted by hand, too."""

import re
from email import message_from_bytes, policy
from urllib.parse import urlencode

from aftercare.clock import iso
from tests.journeys.test_survey import FORM, Asked

CONSENTS = ("promotional", "survey", "reorder")


class Weeks(Asked):
    """Customers by number: number 7 has order 7, parcel 7 and the address c7@example.com."""

    def buys(self, n, *, sku="CAM-1", title="Compact camera", kind="Camera", amount="100.00", currency="EUR", **more):
        at = iso(self.cloud.now)
        said = [{"channel": "email", "purpose": p, "says": "given", "confirmed": True, "said_at": at} for p in CONSENTS]
        line = {"line_ref": "1", "title": title, "quantity": 1, "product_type": kind, "sku": sku}
        contact = {"email": f"c{n}@example.com", "name": f"Rosalind Canary{n}"}
        order = {"name": f"#{n}", "placed_at": at, "contact": contact, "country": "DE", "locale": "en", "lines": [line]}
        order["total"] = {"amount": amount, "currency": currency}
        self.put("OrderPlaced", ref=str(n), occurred_at=at, order={**order, **more}, consent=said)

    def gets(self, n):
        """Sent and delivered at once."""
        at, number = iso(self.cloud.now), f"00340434161094{n:06d}"
        parcel = {"number": number, "carrier": "DHL"}
        self.put("ShipmentCreated", ref=f"S-{n}", order_ref=str(n), occurred_at=at, parcels=[parcel])
        self.put("ShipmentMoved", occurred_at=at, parcels=[{**parcel, "scans": [{"status": "delivered", "at": at}]}])

    def page_of(self, n):
        """Where the newest question of a customer leads to."""
        for letter in reversed(self.letters(f"c{n}@example.com")):
            text = message_from_bytes(letter.mime(), policy=policy.default).get_body(("plain",)).get_content()
            found = re.search(r"https://[^/\s]+(/s/[\w-]+)\s", text)
            if found:
                return found[1]
        raise AssertionError(f"nobody asked {n}")

    def answers(self, n, **form):
        saved = self.cloud.http("POST", self.page_of(n), FORM, urlencode(form).encode())
        assert saved.status == 200, saved.text

    def reviews(self, n, score, text, ref=None):
        self.put("ReviewPosted", ref=ref or f"R-{n}", order_ref=str(n), occurred_at=iso(self.cloud.now), score=score, text=text)

    def writes(self, n, text, topic="product"):
        self.put("SupportCaseOpened", ref=f"T-{n}", order_ref=str(n), occurred_at=iso(self.cloud.now), topic=topic, text=text)

    def counted(self, week, part="feedback", shop="coffee"):
        from aftercare import tally

        return tally.of_week(self.cloud.outside().tables, tally.read_week(week)).get(shop, {}).get(part, {})
