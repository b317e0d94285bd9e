"""What providers of messages are told and what their answers mean, without any SDK: the adapters and their twins share it.

An answer is sorted by what may be done next: taken, never taken and to be tried later, never to be taken, or nobody knows. A
code that speaks of the account and not of the message is the operator's: the message waits for him and is not buried.
"""

import json
from collections.abc import Callable, Mapping
from datetime import timedelta
from typing import Any

from aftercare.outgoing import Chat, Push, Text
from aftercare.outside import Busy, Gone, Rejected, SendOutcome, Uncertain
from aftercare.settings import Settings

BUSY = frozenset(
    (
        "TooManyRequestsException",
        "LimitExceededException",
        "ThrottlingException",
        "Throttling",
        "ThrottledRequestException",
        "ThrottledException",
        "Throttled",
        "KMSThrottling",
    )
)
MAIL_REFUSED = frozenset(("MessageRejected", "BadRequestException"))
TEXT_REFUSED = frozenset(
    (
        "CANNOT_PARSE",
        "COUNTRY_CODE_MISMATCH",
        "COUNTRY_NOT_ENABLED",
        "DESTINATION_COUNTRY_BLOCKED",
        "DESTINATION_COUNTRY_BLOCKED_BY_PROTECT_CONFIGURATION",
        "DESTINATION_PHONE_NUMBER_BLOCKED_BY_PROTECT_NUMBER_OVERRIDE",
        "DESTINATION_PHONE_NUMBER_NOT_VERIFIED",
        "FIELD_VALIDATION_FAILED",
        "INTERNATIONAL_SENDING_NOT_SUPPORTED",
        "INVALID_IDENTITY_FOR_DESTINATION_COUNTRY",
        "INVALID_PARAMETER",
        "PRICE_OVER_THRESHOLD",
    )
)
OPTED_OUT = "DESTINATION_PHONE_NUMBER_OPTED_OUT"
PUSH_DEAD = frozenset(("EndpointDisabled", "EndpointDisabledException", "NotFound", "NotFoundException"))
CHAT_REFUSED = frozenset(("InvalidParametersException", "ValidationException"))
"""Only these speak of the message itself; a denied role, a missing configuration set, a spent limit are the operator's."""

OPERATOR_TIME = timedelta(minutes=15)
LONGEST_LIFE = timedelta(hours=72)
SHORTEST_LIFE = timedelta(seconds=5)
META_API = "v20.0"

Refuses = Callable[[str, Mapping[str, Any]], Rejected | None]
"""Provider's code and whole answer → the rejection, where it speaks of this message; None for everything else."""


def refused(code: str, status: int, answer: Mapping[str, Any], refuses: Refuses) -> SendOutcome:
    """What an error of a provider means; `status` is HTTP's."""
    rejected = refuses(code, answer)
    if rejected is not None:
        return rejected
    if code in BUSY or status == 429:
        return Busy(code)
    return Uncertain(code) if status >= 500 else Busy(code, patience=OPERATOR_TIME)


# ---------------------------------------------------------------- e-mail


def mail_refused(code: str, _: Mapping[str, Any]) -> Rejected | None:
    return Rejected(code) if code in MAIL_REFUSED else None


# ---------------------------------------------------------------- text messages


def text_call(text: Text, settings: Settings) -> dict[str, Any]:
    """SendTextMessage's parameters."""
    asked: dict[str, Any] = {
        "DestinationPhoneNumber": text.recipient,
        "OriginationIdentity": settings.need("sms_origination"),
        "MessageBody": text.body,
        "MessageType": "PROMOTIONAL" if text.promotional else "TRANSACTIONAL",
        "TimeToLive": int(min(max(text.lives_for, SHORTEST_LIFE), LONGEST_LIFE).total_seconds()),
        "Context": dict(sorted(text.context.items())),
    }
    if settings.sms_configuration_set:
        asked["ConfigurationSetName"] = settings.sms_configuration_set
    if settings.sms_max_price:
        asked["MaxPrice"] = settings.sms_max_price
    return asked


def text_refused(code: str, answer: Mapping[str, Any]) -> Rejected | None:
    reason = str(answer.get("Reason") or "")
    if code == "ConflictException" and reason == OPTED_OUT:
        return Rejected(OPTED_OUT, gone=Gone.OPTED_OUT)
    ours = code in ("ConflictException", "ValidationException") and reason in TEXT_REFUSED
    return Rejected(reason) if ours else None


# ---------------------------------------------------------------- push


def push_call(push: Push) -> dict[str, Any]:
    """Publish's parameters: one text for each platform, because an endpoint takes its own platform's only."""
    seconds = str(int(max(push.lives_for, SHORTEST_LIFE).total_seconds()))
    alert = {"title": push.title, "body": push.body}
    apple = json.dumps({"aps": {"alert": alert, "sound": "default"}, **push.data}, ensure_ascii=False)
    message = {
        "default": push.body,
        "GCM": json.dumps(
            {"fcmV1Message": {"message": {"notification": alert, "data": dict(push.data), "android": {"ttl": f"{seconds}s"}}}},
            ensure_ascii=False,
        ),
        "APNS": apple,
        "APNS_SANDBOX": apple,
    }
    return {
        "TargetArn": push.endpoint,
        "MessageStructure": "json",
        "Message": json.dumps(message, ensure_ascii=False),
        "MessageAttributes": {
            f"AWS.SNS.MOBILE.{platform}.TTL": {"DataType": "String", "StringValue": seconds}
            for platform in ("APNS", "APNS_SANDBOX")
        },
    }


def push_refused(code: str, _: Mapping[str, Any]) -> Rejected | None:
    if code in PUSH_DEAD:
        return Rejected(code, gone=Gone.DEAD)
    return Rejected(code) if code in ("InvalidParameter", "ParameterValueInvalid") else None


# ---------------------------------------------------------------- WhatsApp


def chat_body(chat: Chat) -> dict[str, Any]:
    """The message as Meta's Cloud API takes it: numbers without their plus sign."""
    body: dict[str, Any] = {
        "messaging_product": "whatsapp",
        "recipient_type": "individual",
        "to": chat.recipient.removeprefix("+"),
        "biz_opaque_callback_data": chat.context,
    }
    if chat.template is None:
        return {**body, "type": "text", "text": {"preview_url": False, "body": chat.text or ""}}
    values = [{"type": "text", "text": value} for value in chat.values]
    template: dict[str, Any] = {"name": chat.template, "language": {"code": chat.language}}
    if values:
        template["components"] = [{"type": "body", "parameters": values}]
    return {**body, "type": "template", "template": template}


def chat_call(chat: Chat, settings: Settings) -> dict[str, Any]:
    """SendWhatsAppMessage's parameters."""
    return {
        "originationPhoneNumberId": settings.need("whatsapp_phone_number_id"),
        "message": json.dumps(chat_body(chat), ensure_ascii=False).encode(),
        "metaApiVersion": META_API,
    }


def chat_refused(code: str, _: Mapping[str, Any]) -> Rejected | None:
    return Rejected(code) if code in CHAT_REFUSED else None
