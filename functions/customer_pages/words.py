"""The words of the pages, in each language that is complete. Amounts and days are written by aftercare.language."""

from collections.abc import Mapping
from typing import NamedTuple

from aftercare.consent import Purpose
from aftercare.customer import Cue


class Words(NamedTuple):
    """One language: what a page says, how it names each purpose, and the faces of the cue."""

    words: Mapping[str, str]
    purposes: Mapping[Purpose, tuple[str, str]]
    cues: Mapping[Cue, tuple[str, str]]


LANGUAGES: Mapping[str, Words] = {
    "en": Words(
        words={
            "order": "Order",
            "ordered": "Ordered",
            "paid": "Paid",
            "edited": "Changed",
            "partly_sent": "Partly sent",
            "ready": "Ready for pick-up",
            "completed": "Completed",
            "cancelled": "Cancelled",
            "refunded": "Refunded",
            "expected": "Expected",
            "between": "between",
            "and": "and",
            "free": "free",
            "total": "Total",
            "included": "included",
            "shop_page": "See it at the shop",
            "returns": "If it is not right",
            "returns_goods": "You can send it back within {days} days of delivery.",
            "returns_digital": "You can withdraw within {days} days of ordering.",
            "returns_free": "Returning it is free.",
            "returns_fee": "Taken from the refund for the return:",
            "returns_link": "How a return works",
            "support": "Questions? We are happy to help.",
            "preferences": "What we may write to you",
            "preferences_lead": "By e-mail. Messages about your orders themselves always come.",
            "save": "Save",
            "saved": "Saved. It holds from now on.",
            "unsubscribe": "Unsubscribe",
            "unsubscribe_lead": "You will get no more e-mails of this kind:",
            "unsubscribe_button": "Stop these e-mails",
            "unsubscribed": "Done. You will get no more e-mails of this kind.",
            "cue": "How did ordering feel?",
            "cue_button": "Send",
            "cue_thanks": "Thank you. It helps us to do better.",
            "cue_none": "Please choose one of the three.",
            "gone": "This link does not work",
            "gone_lead": "It may be incomplete, or for something that is no longer here. Nothing was changed.",
            "expired": "This link's time is over",
            "expired_lead": "For your safety links work for a limited time. Nothing was changed.",
            "busy": "That did not work",
            "busy_lead": "It is our fault. Please try again in a minute.",
        },
        purposes={
            Purpose.SERVICE: ("Care and set-up tips", "Guides for what you bought."),
            Purpose.SURVEY: ("Questions", "Short surveys and requests for a review."),
            Purpose.REORDER: ("Reorder reminders", "A note before something you use runs out."),
            Purpose.PROMOTIONAL: ("Offers", "News and offers of the shop."),
        },
        cues={"good": ("🙂", "Good"), "fine": ("😐", "All right"), "bad": ("🙁", "Not good")},
    ),
    "de": Words(
        words={
            "order": "Bestellung",
            "ordered": "Bestellt",
            "paid": "Bezahlt",
            "edited": "Geändert",
            "partly_sent": "Teilweise verschickt",
            "ready": "Abholbereit",
            "completed": "Abgeschlossen",
            "cancelled": "Storniert",
            "refunded": "Erstattet",
            "expected": "Erwartet",
            "between": "zwischen",
            "and": "und",
            "free": "kostenlos",
            "total": "Gesamt",
            "included": "enthalten",
            "shop_page": "Beim Shop ansehen",
            "returns": "Falls etwas nicht passt",
            "returns_goods": "Sie können es innerhalb von {days} Tagen nach der Lieferung zurückschicken.",
            "returns_digital": "Sie können innerhalb von {days} Tagen nach der Bestellung widerrufen.",
            "returns_free": "Die Rücksendung ist kostenlos.",
            "returns_fee": "Von der Erstattung abgezogen für die Rücksendung:",
            "returns_link": "So geht eine Rücksendung",
            "support": "Fragen? Wir helfen gern.",
            "preferences": "Was wir Ihnen schreiben dürfen",
            "preferences_lead": "Per E-Mail. Nachrichten zu Ihren Bestellungen selbst kommen immer.",
            "save": "Speichern",
            "saved": "Gespeichert. Es gilt ab sofort.",
            "unsubscribe": "Abbestellen",
            "unsubscribe_lead": "Sie bekommen keine E-Mails dieser Art mehr:",
            "unsubscribe_button": "Diese E-Mails beenden",
            "unsubscribed": "Erledigt. Sie bekommen keine E-Mails dieser Art mehr.",
            "cue": "Wie war das Bestellen?",
            "cue_button": "Senden",
            "cue_thanks": "Danke. Das hilft uns, besser zu werden.",
            "cue_none": "Bitte wählen Sie eine der drei Antworten.",
            "gone": "Dieser Link funktioniert nicht",
            "gone_lead": "Vielleicht fehlt ein Stück, oder es gibt das hier nicht mehr. Es wurde nichts geändert.",
            "expired": "Die Zeit dieses Links ist abgelaufen",
            "expired_lead": "Zu Ihrer Sicherheit gelten Links nur begrenzte Zeit. Es wurde nichts geändert.",
            "busy": "Das hat nicht geklappt",
            "busy_lead": "Es liegt an uns. Bitte versuchen Sie es in einer Minute noch einmal.",
        },
        purposes={
            Purpose.SERVICE: ("Pflege- und Einrichtungstipps", "Anleitungen zu dem, was Sie gekauft haben."),
            Purpose.SURVEY: ("Fragen", "Kurze Umfragen und Bitten um eine Bewertung."),
            Purpose.REORDER: ("Nachbestell-Erinnerungen", "Ein Hinweis, bevor etwas zur Neige geht, das Sie verbrauchen."),
            Purpose.PROMOTIONAL: ("Angebote", "Neuigkeiten und Angebote des Shops."),
        },
        cues={"good": ("🙂", "Gut"), "fine": ("😐", "In Ordnung"), "bad": ("🙁", "Nicht gut")},
    ),
}


def told_by(accept_language: str | None) -> tuple[str, ...]:
    """The locales of an Accept-Language header in their order."""
    return tuple(tag for part in (accept_language or "").split(",")[:20] if (tag := part.partition(";")[0].strip()))
