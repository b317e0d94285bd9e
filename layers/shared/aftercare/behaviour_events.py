"""The data of events about what customers do in the store; aftercare.events has their place in the catalogue."""

from typing import Literal

from aftercare.behaviour import Theme
from aftercare.behaviour_facts import ContentKind, PageKind
from aftercare.events import CustomerData


class ViewData(CustomerData):
    """`family` is the catalogue's, None for a product that it does not know; `fresh` says that it is the day's first sign of
    interest in that family."""

    family: Theme | None
    fresh: bool = False


class VisitData(ViewData):
    page: PageKind


class ShareData(ViewData):
    content: ContentKind


class LoginData(CustomerData):
    surface: Literal["web", "app"]
