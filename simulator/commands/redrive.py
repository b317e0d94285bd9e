"""`aftercare redrive`: bring what a dead-letter queue kept back to the queue in front of it."""

from __future__ import annotations

import argparse
import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from typing import Any, Final

from aftercare.clock import SystemClock
from simulator.commands import options
from simulator.commands.deployed import StackRecords, plain
from simulator.commands.last_run import load
from simulator.commands.options import ROOT
from simulator.commands.problem import BadInput
from simulator.commands.terminal import say, say_json

BATCH: Final = 10
HIDDEN: Final = 120
"""Seconds for which a received message is hidden: it comes back by itself when this command dies in between."""

NO_WAY_BACK: Final = {
    "RelayStreamFailures": "it holds places in the stream, not records; due_sweep finds the deliveries themselves",
    "StoreReportsDeadLetters": "it holds runs of a schedule; invoke store_reports with the input that they have",
    "DueSweepDeadLetters": "it holds runs of the sweep; the next run finds the same",
}


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "redrive",
        run,
        "move messages of a dead-letter queue back to the queue that gave them up",
        """\
  aftercare redrive StoreIntakeDeadLetters --stack aftercare --dry-run
  aftercare redrive GateDeadLetters --stack aftercare --reason "template mended" --rate 5
  aftercare redrive StoreIntakeDeadLetters --stack aftercare --containing OrderPlaced --reason "adapter mended"
  aftercare redrive StoreIntakeDeadLetters --dry-run         what the last run here left in it
""",
    )
    parser.add_argument("queue", help="logical id of the dead-letter queue in template.yaml")
    parser.add_argument("--dry-run", action="store_true", help="show what would be moved, and move nothing")
    parser.add_argument("--containing", metavar="TEXT", help="only messages whose body contains this text")
    parser.add_argument("--rate", type=float, default=10.0, metavar="N", help="messages a second (default: %(default)s)")
    parser.add_argument("--limit", type=int, default=1000, help="at most so many messages (default: %(default)s)")
    parser.add_argument("--reason", help="why it will work this time; needed to move anything, shown in the result")
    options.records(parser)
    options.as_json(parser)


def run(arguments: argparse.Namespace) -> int:
    queue: str = arguments.queue
    if queue in NO_WAY_BACK:
        raise BadInput(f"queue {queue}: cannot be redriven: {NO_WAY_BACK[queue]}")
    if queue not in (known := _known()):
        raise BadInput(f"queue {queue}: expected one of {', '.join(known)}")
    if arguments.limit < 1:
        raise BadInput("--limit: expected at least 1 message")
    if not arguments.rate > 0:
        raise BadInput("--rate: expected more than 0 messages a second")
    if not arguments.stack:
        return _here(arguments)
    if not arguments.dry_run and not arguments.reason:
        raise BadInput("--reason: is required to move messages: say why it will work this time, or use --dry-run")
    return _stack(StackRecords(arguments.stack, SystemClock().now()), arguments)


def _known() -> list[str]:
    """The dead-letter queues that the template names. Read as text, because a template has tags that YAML alone does not know."""
    text = (ROOT / "template.yaml").read_text(encoding="utf-8")
    return [name for name in re.findall(r"^  (\w+DeadLetters):$", text, re.MULTILINE) if name not in NO_WAY_BACK]


def _here(arguments: argparse.Namespace) -> int:
    """The local cloud ends with its run: what it left can be looked at, and there is no queue to bring it back to."""
    if not arguments.dry_run:
        raise BadInput(
            "the local cloud ended with its run, so there is no queue to bring messages back to: use --dry-run to see what it "
            "left, or --stack NAME"
        )
    run = load(arguments.state)
    bodies = [body for body in run.dead_letters.get(arguments.queue, []) if _chosen(body, arguments.containing)]
    return _result(arguments, [_about(body) for body in bodies], moved=0)


def _stack(stack: StackRecords, arguments: argparse.Namespace) -> int:
    client = stack.client("sqs")
    source = stack.resource(arguments.queue)
    target = stack.resource(arguments.queue.removesuffix("DeadLetters") + "Queue")
    shown, moved = [], 0
    try:
        for message in _received(client, source, arguments.limit):
            if not _chosen(message["Body"], arguments.containing):
                continue
            shown.append(_about(message["Body"]))
            if arguments.dry_run:
                continue
            client.send_message(QueueUrl=target, MessageBody=message["Body"], **_fifo(message, arguments.reason))
            client.delete_message(QueueUrl=source, ReceiptHandle=message["ReceiptHandle"])
            moved += 1
            sys.stderr.write(f"\rmoved {moved}")
            time.sleep(1 / arguments.rate)
    except BadInput:
        raise
    except Exception as error:
        raise BadInput(f"queue {arguments.queue}: stopped after {moved} messages: {plain(error)}") from error
    if moved:
        sys.stderr.write("\n")
    return _result(arguments, shown, moved)


def _received(client: Any, url: str, limit: int) -> Iterator[dict[str, Any]]:
    """Messages until the queue gives none, each once; those that are not deleted become visible again by themselves."""
    seen: set[str] = set()
    while len(seen) < limit:
        answer = client.receive_message(
            QueueUrl=url,
            MaxNumberOfMessages=min(BATCH, limit - len(seen)),
            VisibilityTimeout=HIDDEN,
            WaitTimeSeconds=1,
            MessageSystemAttributeNames=["All"],
        )
        messages = [m for m in answer.get("Messages", []) if m["MessageId"] not in seen]
        if not messages:
            return
        for message in messages:
            seen.add(message["MessageId"])
            yield message


def _fifo(message: dict[str, Any], reason: str) -> dict[str, str]:
    """A FIFO message keeps its group; its deduplication id is new, or SQS would drop it within five minutes as known."""
    attributes = message.get("Attributes", {})
    group = attributes.get("MessageGroupId")
    if not group:
        return {}
    known = f"{attributes.get('MessageDeduplicationId', '')}{message['MessageId']}{reason}"
    return {"MessageGroupId": group, "MessageDeduplicationId": hashlib.sha256(known.encode()).hexdigest()}


def _chosen(body: str, containing: str | None) -> bool:
    return containing is None or containing in body


def _about(body: str) -> str:
    """What a message is, by its enumerated words and ids: never its content, which may hold personal data."""
    try:
        read = json.loads(body)
    except ValueError:
        return f"{len(body)} characters that are no JSON"
    if not isinstance(read, dict):
        return f"JSON of {len(body)} characters"
    proposal = read.get("proposal")
    if isinstance(proposal, dict):
        return f"proposal {proposal.get('key')}"
    if "slot" in read:
        return f"slot of customer {read['slot'].get('customer_id')}"
    if isinstance(webhook := read.get("webhook"), dict):
        return f"webhook {webhook['event']['detail-type']} {read.get('key')}: {webhook.get('because', 'not tried')}"
    if "detail-type" in read:
        return f"event {read.get('source')} {read['detail-type']} {read.get('id')}"
    return f"JSON with {', '.join(sorted(read))}"


def _result(arguments: argparse.Namespace, shown: list[str], moved: int) -> int:
    if arguments.json:
        say_json({"queue": arguments.queue, "messages": shown, "moved": moved, "reason": arguments.reason})
        return 0
    for line in shown:
        say(f"  {line}")
    said = f"{len(shown)} would be moved" if arguments.dry_run else f"{moved} moved back: {arguments.reason}"
    say(f"{arguments.queue}: {said}")
    return 0
