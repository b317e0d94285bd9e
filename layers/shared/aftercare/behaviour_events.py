"""The data of events about what customers do in the store; aftercare.events has their place in the catalogue."""

from typing import Literal

from aftercare.behaviour import Theme
from aftercare.behaviour_facts import ContentKind, PageKind
from aftercare.events import CustomerData
from aftercare.model import Model


class ViewData(CustomerData):
    """`family` is the catalogue's, None for a product that it does not know; `fresh` says that it is the day's first sign of
    interest in that family."""

    shop: str
    family: Theme | None
    fresh: bool = False


class RiseData(Model):
    """A kind of buyer looks at a family more than it used to: `days` customer-days of interest in the week so far, `before` the
    mean of the weeks before. Nobody's data."""

    shop: str
    segment: str
    family: Theme
    week: str
    days: int
    before: float


class VisitData(ViewData):
    page: PageKind


class ShareData(ViewData):
    content: ContentKind


class LoginData(CustomerData):
    surface: Literal["web", "app"]
