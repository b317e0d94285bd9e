"""The providers of messages: the real adapters against botocore's service models, and their twins against the adapters."""

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import botocore.session
import pytest
from botocore.exceptions import ConnectTimeoutError, ReadTimeoutError
from botocore.stub import Stubber

from aftercare import outside as outside_module
from aftercare.aws import CALL
from aftercare.aws_channels import SmsTexts, SnsPushes, WhatsAppChats
from aftercare.outgoing import Chat, Push, Text
from aftercare.outside import Accepted, Busy, Gone, Outside, Rejected, SendOutcome, Uncertain
from aftercare.providers import OPERATOR_TIME, chat_body, push_call, text_call
from aftercare.settings import Settings
from simulator.cloud import LocalCloud
from simulator.faults import Fault, FaultPlan
from tests.small_outside import Now

ACCOUNT = "123456789012"
SETTINGS = Settings(
    sms_origination=f"arn:aws:sms-voice:eu-central-1:{ACCOUNT}:phone-number/phone-1",
    sms_configuration_set="aftercare-test",
    sms_max_price="0.50",
    whatsapp_phone_number_id=f"arn:aws:social-messaging:eu-central-1:{ACCOUNT}:phone-number-id/574086085794038",
)
ENDPOINT = f"arn:aws:sns:eu-central-1:{ACCOUNT}:endpoint/GCM/shop/12345678-1234-4234-8234-123456789012"
TEXT = Text("+4915112345678", "Coffee: on its way.", False, timedelta(hours=4), {"aftercare-message": "m1"})
PUSH = Push(ENDPOINT, "On its way", "Order 1 is on its way.", timedelta(hours=4), {"aftercare-message": "m1"})
CHAT = Chat("+4915112345678", "m1", "m1.c1.no", template="order_shipped", language="en", values=("Coffee", "#1"))

Adapter = Callable[[Any], Any]
CASES: dict[str, tuple[str, str, Any, Adapter, dict[str, Any]]] = {
    "text": ("pinpoint-sms-voice-v2", "send_text_message", TEXT, lambda c: SmsTexts(c, SETTINGS, Now()), {"MessageId": "p-1"}),
    "push": ("sns", "publish", PUSH, lambda c: SnsPushes(c, Now()), {"MessageId": "p-1"}),
    "chat": ("socialmessaging", "send_whatsapp_message", CHAT, lambda c: WhatsAppChats(c, SETTINGS, Now()), {"messageId": "p-1"}),
}


def real(service: str, **more: Any) -> Any:
    keys = {"aws_access_key_id": "local", "aws_secret_access_key": "local"}
    return botocore.session.get_session().create_client(service, region_name="eu-central-1", config=CALL, **keys, **more)


def asked_of(kind: str) -> dict[str, Any]:
    if kind == "text":
        return text_call(TEXT, SETTINGS)
    if kind == "push":
        return push_call(PUSH)
    return {
        "originationPhoneNumberId": SETTINGS.whatsapp_phone_number_id,
        "message": json.dumps(chat_body(CHAT), ensure_ascii=False).encode(),
        "metaApiVersion": "v20.0",
    }


@pytest.mark.parametrize("kind", CASES)
def test_what_is_asked_is_what_the_service_knows_and_its_name_of_the_message_comes_back(kind):
    service, operation, message, adapter, answer = CASES[kind]
    client = real(service)
    with Stubber(client) as stub:
        stub.add_response(operation, answer, asked_of(kind))
        assert adapter(client).send(message) == Accepted("p-1")
        stub.assert_no_pending_responses()


def test_a_text_carries_what_it_may_cost_how_long_it_lives_and_what_it_is():
    asked = text_call(TEXT, SETTINGS)
    assert (asked["MessageType"], asked["MaxPrice"], asked["TimeToLive"]) == ("TRANSACTIONAL", "0.50", 4 * 3600)
    assert (asked["ConfigurationSetName"], asked["Context"]) == ("aftercare-test", {"aftercare-message": "m1"})
    offer = Text(TEXT.recipient, "Offer", True, timedelta(days=30), {})
    assert (text_call(offer, SETTINGS)["MessageType"], text_call(offer, SETTINGS)["TimeToLive"]) == ("PROMOTIONAL", 259_200)


def test_a_notification_has_a_part_for_each_platform():
    message = json.loads(push_call(PUSH)["Message"])
    google = json.loads(message["GCM"])["fcmV1Message"]["message"]
    assert google["notification"] == {"title": "On its way", "body": "Order 1 is on its way."}
    assert google["data"] == {"aftercare-message": "m1"}
    assert json.loads(message["APNS"])["aps"]["alert"] == google["notification"]
    assert message["default"] == "Order 1 is on its way."


def test_whatsapp_gets_an_approved_template_or_free_text_and_numbers_without_plus():
    body = chat_body(CHAT)
    assert (body["to"], body["type"], body["template"]["language"]) == ("4915112345678", "template", {"code": "en"})
    assert [p["text"] for p in body["template"]["components"][0]["parameters"]] == ["Coffee", "#1"]
    free = chat_body(Chat("+4915112345678", "m1", "m1.c1.no", text="Hello"))
    assert (free["type"], free["text"]["body"]) == ("text", "Hello")


ANSWERS = [
    ("text", "ConflictException", {"Reason": "DESTINATION_PHONE_NUMBER_OPTED_OUT"}, 400, "opted out"),
    ("text", "ConflictException", {"Reason": "MESSAGE_TYPE_MISMATCH"}, 400, "operator"),
    ("text", "ValidationException", {"Reason": "PRICE_OVER_THRESHOLD"}, 400, "rejected"),
    ("text", "ValidationException", {"Reason": "SENDER_ID_NOT_REGISTERED"}, 400, "operator"),
    ("text", "ServiceQuotaExceededException", {"Reason": "MONTHLY_SPEND_LIMIT_REACHED_FOR_TEXT"}, 402, "operator"),
    ("text", "ThrottlingException", {}, 400, "busy"),
    ("text", "AccessDeniedException", {}, 403, "operator"),
    ("text", "ResourceNotFoundException", {}, 404, "operator"),
    ("text", "InternalServerException", {}, 500, "uncertain"),
    ("push", "EndpointDisabled", {}, 400, "dead"),
    ("push", "NotFound", {}, 404, "dead"),
    ("push", "InvalidParameter", {}, 400, "rejected"),
    ("push", "PlatformApplicationDisabled", {}, 400, "operator"),
    ("push", "AuthorizationError", {}, 403, "operator"),
    ("push", "Throttled", {}, 429, "busy"),
    ("push", "InternalError", {}, 500, "uncertain"),
    ("chat", "InvalidParametersException", {}, 400, "rejected"),
    ("chat", "AccessDeniedException", {}, 403, "operator"),
    ("chat", "ThrottledRequestException", {}, 429, "busy"),
    ("chat", "DependencyException", {}, 502, "uncertain"),
]


def meaning(outcome: SendOutcome) -> str:
    match outcome:
        case Rejected(_, Gone.OPTED_OUT):
            return "opted out"
        case Rejected(_, Gone.DEAD):
            return "dead"
        case Rejected():
            return "rejected"
        case Busy(_, patience):
            return "operator" if patience == OPERATOR_TIME else "busy"
        case Uncertain():
            return "uncertain"
    return "accepted"


@pytest.mark.parametrize(("kind", "code", "more", "status", "means"), ANSWERS, ids=lambda v: v if isinstance(v, str) else None)
def test_an_error_means_what_may_be_done_next(kind, code, more, status, means):
    service, operation, message, adapter, _ = CASES[kind]
    client = real(service)
    with Stubber(client) as stub:
        stub.add_client_error(operation, code, "", status)
        client.meta.events.register("after-call", lambda parsed, **_: parsed.update(more))
        assert meaning(adapter(client).send(message)) == means


class Line:
    """A client whose every call ends as it is told: what happens on the wire before any answer."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getattr__(self, name: str) -> Any:
        def call(**_: Any) -> Any:
            raise self._error

        return call


@pytest.mark.parametrize("kind", CASES)
def test_a_lost_answer_is_uncertain_and_a_call_that_never_left_is_not(kind):
    _, _, message, adapter, _ = CASES[kind]
    lost = adapter(Line(ReadTimeoutError(endpoint_url="https://x"))).send(message)
    assert lost == Uncertain("ReadTimeoutError")
    never = adapter(Line(ConnectTimeoutError(endpoint_url="https://x"))).send(message)
    assert never == Busy("ConnectTimeoutError")


# ---------------------------------------------------------------- both backends

PARAMETERS = {
    "SmsOriginationArn": str(SETTINGS.sms_origination),
    "WhatsAppPhoneNumberArn": str(SETTINGS.whatsapp_phone_number_id),
    "AndroidPushArn": f"arn:aws:sns:eu-central-1:{ACCOUNT}:app/GCM/shop",
}


def port(outside: Outside, kind: str) -> Any:
    return {"text": outside.texts, "push": outside.pushes, "chat": outside.chats}[kind]


def on_both(kind: str, before: Callable[[LocalCloud], None], faults: dict[int, Fault] | None = None) -> list[Any]:
    """Outcome, attempts and accepts of one message on each backend."""
    found = []
    outcomes: list[SendOutcome] = []
    message = CASES[kind][2]
    for backend in ("memory", "moto"):
        handlers = {"message_gate": lambda event, context: outcomes.append(port(outside_module.current(), kind).send(message))}
        plan = FaultPlan(faults, names=frozenset(("texts.send", "pushes.send", "chats.send"))) if faults else None
        with LocalCloud(backend, handlers=handlers, parameters=PARAMETERS, faults=plan) as cloud:  # type: ignore[arg-type]
            before(cloud)
            cloud.invoke("message_gate", {})
            phones = cloud.phones
            found.append((outcomes.pop(), phones.attempts["m1"], phones.accepted["m1"], [t.body for t in phones.taken]))
    return found


@pytest.mark.parametrize("kind", CASES)
def test_a_message_arrives_once_on_both_backends(kind):
    memory, moto = on_both(kind, lambda cloud: None)
    assert memory == moto
    assert (meaning(memory[0]), memory[1], memory[2]) == ("accepted", 1, 1)


def opt_out(cloud: LocalCloud) -> None:
    cloud.phones.opted_out.add(TEXT.recipient)
    cloud.phones.dead.add(ENDPOINT)


@pytest.mark.parametrize(("kind", "means"), [("text", "opted out"), ("push", "dead")])
def test_who_is_gone_is_gone_on_both_backends(kind, means):
    memory, moto = on_both(kind, opt_out)
    assert memory == moto
    assert (meaning(memory[0]), memory[1], memory[2]) == (means, 1, 0)


@pytest.mark.parametrize("kind", CASES)
@pytest.mark.parametrize(
    ("fault", "means", "accepted"),
    [
        (Fault.THROTTLED, "busy", 0),
        (Fault.REFUSED, "rejected", 0),
        (Fault.TIMEOUT_BEFORE, "uncertain", 0),
        (Fault.REPLY_LOST, "uncertain", 1),
    ],
)
def test_a_fault_of_a_provider_means_the_same_on_both_backends(kind, fault, means, accepted):
    memory, moto = on_both(kind, lambda cloud: None, {0: fault})
    assert memory == moto
    assert (meaning(memory[0]), memory[1], memory[2]) == (means, 1, accepted)
