"""What a template may ask for: the names and kinds of every value of every view.

The template check walks all branches of all templates over these, and holds the views that are made for its samples against
them. `str | None` is what a template must ask about before it shows it.
"""

from collections.abc import Mapping
from typing import TypedDict

from message_gate.notices import NOTICES
from message_gate.view import FRESH


class BrandView(TypedDict):
    name: str
    website: str
    logo_url: str | None
    logo_width: str | None
    signed: str
    role: str
    help_reply: str
    help_page: str
    help_chat: str | None
    help_phone: str | None
    legal: str


class Frame(TypedDict):
    """What every message has."""

    lang: str
    brand: BrandView
    name: str | None
    hello: str
    preferences_url: str
    unsubscribe_url: str | None
    unsubscribe: str | None
    postal: str | None
    purpose: str | None
    subject: str
    preheader: str
    heading: str
    why: str


class LineView(TypedDict):
    title: str
    detail: str | None
    price: str


class ChargeView(TypedDict):
    label: str
    amount: str


class GuideView(TypedDict):
    title: str
    lead: str
    points: list[str]
    list: str
    url: str
    button: str
    link: str | None
    link_url: str | None
    foremost: bool


class LinkView(TypedDict):
    text: str
    url: str


class AddOnView(TypedDict):
    name: str
    why: str
    url: str


class FaceView(TypedDict):
    sign: str
    name: str
    url: str


class ConfirmationView(Frame):
    opening: str
    order: str
    placed: str
    arrival: str
    status_url: str
    lines: list[LineView]
    more_lines: str | None
    charges: list[ChargeView]
    total: str | None
    included: list[ChargeView]
    guides: list[GuideView]
    more: list[LinkView]
    add_ons: list[AddOnView]
    steps: list[str]
    returns: str
    returns_fee: str
    returns_url: str
    cue: list[FaceView]


class BesideView(TypedDict):
    title: str
    text: str
    url: str
    tap: str
    tap_url: str


class ReminderView(Frame):
    lead: str
    benefit: str
    action: str
    action_url: str
    action_hint: str
    tip: str | None
    tip_url: str
    taps: list[LinkView]
    beside: BesideView | None
    once: str


class OfferView(Frame):
    lead: str
    offer_title: str
    offer_text: str
    action: str
    action_url: str
    action_hint: str
    taps: list[LinkView]
    tip: str | None
    tip_url: str
    once: str


class ConsentView(Frame):
    lead: str
    kinds: list[str]
    confirm_url: str
    hint: str


class FreshLinkView(Frame):
    lead: str
    fresh_url: str
    hint: str


class ItemView(TypedDict):
    title: str
    text: str
    action: str
    url: str
    why: str
    taps: list[LinkView]
    foremost: bool


class DigestView(Frame):
    lead: str
    items: list[ItemView]


class ScoreView(TypedDict):
    score: str
    name: str
    url: str


class SurveyView(Frame):
    lead: str
    scale: list[ScoreView]
    page_url: str
    help: str | None
    tip: str | None
    tip_url: str | None
    once: str


class ChoiceView(TypedDict):
    name: str
    url: str


class WhyReturnedView(Frame):
    lead: str
    reasons: list[ChoiceView]
    page_url: str
    once: str


class CheckInView(Frame):
    lead: str
    help: str
    help_url: str
    tip: str | None
    tip_url: str | None


class SetupView(Frame):
    lead: str
    page_url: str
    guides: list[GuideView]


class PublicationView(Frame):
    lead: str
    warning: str | None
    advice: str | None
    advice_url: str
    action: str
    action_url: str
    once: str


class ReviewView(Frame):
    lead: str
    contact: str | None
    ask: str
    action: str
    action_url: str
    others: list[LinkView]
    thanks_title: str | None
    thanks: str | None
    tip: str | None
    tip_url: str | None
    once: str


class RepostView(Frame):
    lead: str
    page_url: str


class ProgressView(TypedDict):
    bars: list[bool]
    text: str


class PanelView(TypedDict):
    label: str
    value: str
    note: str | None


class LinesView(TypedDict):
    title: str
    lines: list[LineView]
    more: str | None


class NoticeView(Frame):
    opening: str
    progress: ProgressView | None
    panel: PanelView
    about: str
    button: str
    button_url: str
    links: list[LinkView]
    lists: list[LinesView]
    points: list[str]
    backup: str | None
    tip: str | None
    tip_url: str | None


class GotView(TypedDict):
    lead: str
    points: list[str]


class RenewalView(Frame):
    lead: str
    panel: PanelView
    button: str
    button_url: str
    links: list[LinkView]
    got: GotView | None
    points: list[str]


MODELS: Mapping[str, type] = {
    "order-confirmation": ConfirmationView,
    "reorder-reminder": ReminderView,
    "reorder-nudge": ReminderView,
    "renewal-reminder": RenewalView,
    "consent-confirmation": ConsentView,
    **dict.fromkeys(FRESH, FreshLinkView),
    "digest": DigestView,
    "survey": SurveyView,
    "survey-reminder": SurveyView,
    "rescue-check": SurveyView,
    "review-request": ReviewView,
    "review-reward": ReviewView,
    "repost-request": RepostView,
    "next-step": OfferView,
    "next-help": OfferView,
    "segment-offer": OfferView,
    "segment-help": OfferView,
    "check-in": CheckInView,
    "setup-guide": SetupView,
    "return-survey": WhyReturnedView,
    **dict.fromkeys(("restock-alert", "product-restocked", "announcement", "safety-notice"), PublicationView),
    **dict.fromkeys(NOTICES, NoticeView),
}
"""One model for each view."""
