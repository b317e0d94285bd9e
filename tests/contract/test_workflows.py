"""Every workflow file runs alike on the local cloud and on moto's own interpreter (a port of another implementation)."""

import json
import os
import re
import time
from datetime import UTC, datetime, timedelta
from io import BytesIO
from pathlib import Path

import pytest
import yaml

from simulator.state_language import Executions, Raised, Returned, load
from simulator.virtual_clock import VirtualClock

ROOT = Path(__file__).parents[2]
FILES = sorted((ROOT / "functions").glob("*/*.asl.yaml"))
FUNCTION = "arn:aws:lambda:us-east-1:123456789012:function:woken"
DUE = "2020-01-01T00:00:00.000000Z"
PAYLOAD = {"due_at": DUE, "key": "about#example:1", "customer_id": "c0anna", "order": "example:1", "correlation_id": "k1"}


def definition(file):
    return yaml.safe_load(re.sub(r"\$\{\w+\}", FUNCTION, file.read_text(encoding="utf-8")))


def here(file, answers):
    """Status, output, the payloads that the function got, and the kinds of states that were entered."""
    clock = VirtualClock(datetime(2026, 3, 1, 9, tzinfo=UTC))
    got = []

    def invoke(arn, payload):
        got.append(payload)
        answer = answers[min(len(got), len(answers)) - 1]
        return Raised(answer, "no") if isinstance(answer, str) else Returned(answer)

    executions = Executions(clock, invoke, lambda: 0.0)
    arn = executions.start(load(definition(file), "machine"), "one", json.dumps(PAYLOAD))
    clock.advance(timedelta(days=1))
    execution = executions.describe(arn)
    entered = [event.type for event in execution.history if event.type.endswith("StateEntered")]
    return execution.status, execution.output, got, entered


def on_moto(file, answers, monkeypatch):
    import boto3  # noqa: TID251 - moto is asked as a client would
    from botocore.awsrequest import AWSResponse
    from moto import mock_aws

    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setitem(os.environ, name, "local")
    monkeypatch.setitem(os.environ, "AWS_DEFAULT_REGION", "us-east-1")
    got = []

    def invoked(params, **_):
        """What moto would need a container for: answered in botocore's public client events."""
        got.append(json.loads(params["body"]))
        answer = answers[min(len(got), len(answers)) - 1]
        told = {"StatusCode": 200, "ExecutedVersion": "$LATEST", "ResponseMetadata": {"HTTPStatusCode": 200, "HTTPHeaders": {}}}
        return AWSResponse("https://local", 200, {}, None), {**told, "Payload": BytesIO(json.dumps(answer).encode())}

    with mock_aws(config={"stepfunctions": {"execute_state_machine": True}}):
        boto3.setup_default_session(region_name="us-east-1")
        boto3.DEFAULT_SESSION.events.register("before-call.lambda.Invoke", invoked)
        try:
            client = boto3.client("stepfunctions")
            role = "arn:aws:iam::123456789012:role/waits"
            machine = client.create_state_machine(name="machine", definition=json.dumps(definition(file)), roleArn=role)
            started = client.start_execution(stateMachineArn=machine["stateMachineArn"], name="one", input=json.dumps(PAYLOAD))
            until = time.monotonic() + 20
            while (found := client.describe_execution(executionArn=started["executionArn"]))["status"] == "RUNNING":
                assert time.monotonic() < until, "the execution does not end"
                time.sleep(0.02)
            history = client.get_execution_history(executionArn=started["executionArn"])["events"]
        finally:
            boto3.DEFAULT_SESSION = None
    entered = [event["type"] for event in history if event["type"].endswith("StateEntered")]
    return found["status"], json.loads(found["output"]), got, entered


def test_there_are_workflows():
    assert len(FILES) >= 2


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_workflow_runs_alike_on_both(file, monkeypatch):
    answers = [{"outcome": "proposed"}]
    ours, theirs = here(file, answers), on_moto(file, answers, monkeypatch)
    assert ours[0] == theirs[0] == "SUCCEEDED"
    assert ours[2] == theirs[2] == [PAYLOAD]
    assert ours[3] == theirs[3] == ["WaitStateEntered", "TaskStateEntered"]
    assert ours[1]["Payload"] == theirs[1]["Payload"] == answers[0]


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.parent.name)
def test_a_workflow_waits_calls_retries_and_nothing_else(file):
    states = definition(file)["States"]
    assert [state["Type"] for state in states.values()] == ["Wait", "Task"]
    assert all("Retry" in state for state in states.values() if state["Type"] == "Task")
    status, _, got, _ = here(file, ["Lambda.TooManyRequestsException", {"outcome": "proposed"}])
    assert (status, got) == ("SUCCEEDED", [PAYLOAD, PAYLOAD])
