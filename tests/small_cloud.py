"""A local cloud on a template of a few lines, with handlers that are functions of the test."""

import json
import textwrap
from collections.abc import Callable
from pathlib import Path
from typing import Any

from simulator.cloud import LocalCloud

HEAD = "Transform: AWS::Serverless-2016-10-31\n"


WITH_CUSTOMERS = """
Resources:
  CustomerTable:
    Type: AWS::DynamoDB::Table
    Properties:
      AttributeDefinitions:
        - {AttributeName: pk, AttributeType: S}
        - {AttributeName: sk, AttributeType: S}
        - {AttributeName: due_kind, AttributeType: S}
        - {AttributeName: due_at, AttributeType: S}
      KeySchema: [{AttributeName: pk, KeyType: HASH}, {AttributeName: sk, KeyType: RANGE}]
      GlobalSecondaryIndexes:
        - IndexName: due
          KeySchema: [{AttributeName: due_kind, KeyType: HASH}, {AttributeName: due_at, KeyType: RANGE}]
          Projection: {ProjectionType: KEYS_ONLY}
      StreamSpecification: {StreamViewType: NEW_IMAGE}
"""
"""The beginning of a template: the table of customers with its index of what is due."""


def template(folder: Path, text: str) -> Path:
    path = folder / "template.yaml"
    path.write_text(HEAD + textwrap.dedent(text))
    return path


def small_cloud(folder: Path, text: str, backend: str = "memory", **more: Any) -> LocalCloud:
    return LocalCloud(backend, template=template(folder, text), **more)  # type: ignore[arg-type]


class Worker:
    """A handler for a queue or a stream: remembers what it was given and fails what `fails` says True for."""

    def __init__(self, fails: Callable[[Any], bool] = lambda _: False, whole: bool = False) -> None:
        self.batches: list[list[Any]] = []
        self.times: list[Any] = []
        self.fails = fails
        self.whole = whole
        self.now: Callable[[], Any] = lambda: None

    @property
    def seen(self) -> list[Any]:
        return [body for batch in self.batches for body in batch]

    def __call__(self, event: Any, context: Any) -> Any:
        records = event["Records"]
        given = [_body(record) for record in records]
        self.batches.append(given)
        self.times.append(self.now())
        bad = [record for record, body in zip(records, given, strict=True) if self.fails(body)]
        if bad and self.whole:
            raise RuntimeError("the whole batch failed")
        return {"batchItemFailures": [{"itemIdentifier": _name(record)} for record in bad]}


def _body(record: Any) -> Any:
    if "dynamodb" in record:
        return record["dynamodb"]["Keys"]["pk"]["S"]
    try:
        content = json.loads(record["body"])
    except ValueError:
        return record["body"]
    return content.get("detail", content) if isinstance(content, dict) else content


def _name(record: Any) -> str:
    return str(record["messageId"] if "messageId" in record else record["dynamodb"]["SequenceNumber"])


def entry(bus: str, detail: Any, source: str = "shop", detail_type: str = "Something") -> dict[str, Any]:
    return {"Source": source, "DetailType": detail_type, "Detail": json.dumps(detail), "EventBusName": bus}
