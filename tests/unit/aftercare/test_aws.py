"""What the SDK's answers mean to the engine: nothing was done, it was done, or nobody knows."""

import json
import threading
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import botocore.session
import pytest
from botocore.awsrequest import AWSResponse
from botocore.exceptions import EndpointConnectionError, ReadTimeoutError

from aftercare import keys, ledger
from aftercare.aws import CALL, DynamoTables
from aftercare.aws_channels import IDLE, SesMail
from aftercare.clock import SystemClock, SystemIds
from aftercare.customer import Customer
from aftercare.decision import Decision, Message, Reason, State
from aftercare.outside import Accepted, Mail, Uncertain
from aftercare.settings import Settings
from aftercare.table import Absent, Conflict, Put, Throttled, Unclear
from tests.builders import NOON, a_customer, a_proposal
from tests.small_outside import Now

TWO_WRITES = [Put(keys.customer("c0anna", sk), {"doc": "{}"}, when=Absent()) for sk in ("1#A", "1#B")]


@pytest.fixture
def dynamodb(monkeypatch):
    """A client whose calls are answered from a list, in botocore's own events; the calls' names are kept."""
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-central-1")
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    client = botocore.session.get_session().create_client("dynamodb", config=CALL)
    answers, calls = [], []

    def answer(model, **_):
        calls.append(model.name)
        return answers.pop(0)()

    client.meta.events.register("before-call.dynamodb", answer)
    yield DynamoTables(client, {"customers": "customers"}, SystemIds(), SystemClock()), answers, calls
    client.close()


def done():
    return AWSResponse("https://dynamodb", 200, {}, None), {"ResponseMetadata": {"HTTPStatusCode": 200}}


def lost():
    raise ReadTimeoutError(endpoint_url="https://dynamodb")


def unreachable():
    raise EndpointConnectionError(endpoint_url="https://dynamodb")


def refused(code, status=400):
    error = {"Error": {"Code": code, "Message": code}, "ResponseMetadata": {"HTTPStatusCode": status}}
    return lambda: (AWSResponse("https://dynamodb", status, {}, None), error)


def test_a_transaction_whose_answer_was_lost_is_asked_once_more_under_its_token(dynamodb):
    tables, answers, calls = dynamodb
    answers += [lost, done]
    tables.write(TWO_WRITES)
    assert calls == ["TransactWriteItems"] * 2


@pytest.mark.parametrize("second", [lost, unreachable, refused("ThrottlingException"), refused("InternalServerError", 500)])
def test_after_a_lost_answer_no_refusal_of_the_second_attempt_says_that_nothing_was_written(dynamodb, second):
    tables, answers, _ = dynamodb
    answers += [lost, second]
    with pytest.raises(Unclear):
        tables.write(TWO_WRITES)


def test_a_transaction_that_is_still_at_work_may_yet_be_written(dynamodb):
    tables, answers, _ = dynamodb
    answers += [lost, refused("TransactionInProgressException")]
    with pytest.raises(Unclear):
        tables.write(TWO_WRITES)


@pytest.mark.parametrize(("code", "means"), [("TransactionConflictException", Conflict), ("ThrottlingException", Throttled)])
def test_a_first_attempt_that_was_refused_wrote_nothing(dynamodb, code, means):
    tables, answers, calls = dynamodb
    answers.append(refused(code))
    with pytest.raises(means):
        tables.write(TWO_WRITES)
    assert len(calls) == 1


def test_a_claim_that_is_still_at_work_is_released_before_its_error_is_told(dynamodb):
    tables, answers, calls = dynamodb
    answers += [lost, refused("TransactionInProgressException"), done]
    decision = Decision(at=NOON, state=State.CLAIMED, reason=Reason.CLAIMED)
    message = Message(proposal=a_proposal(), state=State.CLAIMED, decisions=(decision,))
    customer: Customer = a_customer()
    with pytest.raises(Unclear):
        ledger.claim(tables, customer, message, "token", NOON, None, ())
    assert calls == ["TransactWriteItems", "TransactWriteItems", "DeleteItem"]


# ---------------------------------------------------------------- the connection of a send


class Provider(BaseHTTPRequestHandler):
    """Answers the first request of each connection; the second meets a connection that is dead and does not say so."""

    protocol_version = "HTTP/1.1"

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"]))
        if getattr(self, "used", False):
            self.close_connection = True
            return
        self.used = True
        body = json.dumps({"MessageId": "m1"}).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


@pytest.fixture
def mail(monkeypatch):
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "test")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "test")
    with ThreadingHTTPServer(("127.0.0.1", 0), Provider) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        url = f"http://127.0.0.1:{server.server_port}"
        client = botocore.session.get_session().create_client("sesv2", region_name="eu-central-1", endpoint_url=url, config=CALL)
        clock = Now(NOON)
        yield SesMail(client, Settings(configuration_set="set"), clock), clock
        client.close()
        server.shutdown()


def letter():
    return Mail("shop@example.com", "anna@example.com", "s", "h", "t", {"aftercare-message": "m"}, lambda: b"raw")


def test_a_send_after_a_freeze_does_not_trust_the_connection_from_before(mail):
    sender, clock = mail
    assert sender.send(letter()) == Accepted("m1")
    clock.at += IDLE + timedelta(milliseconds=1)
    assert sender.send(letter()) == Accepted("m1")


def test_sends_of_one_batch_share_their_connection_and_a_dead_one_is_one_attempt_with_an_unknown_outcome(mail):
    sender, _ = mail
    assert sender.send(letter()) == Accepted("m1")
    assert isinstance(sender.send(letter()), Uncertain)


def test_a_clock_that_was_set_back_says_nothing_of_how_long_the_connection_was_idle(mail):
    sender, clock = mail
    assert sender.send(letter()) == Accepted("m1")
    clock.at -= timedelta(minutes=15)
    assert sender.send(letter()) == Accepted("m1")
