"""A deployed stack as operators' words see it: its tables, secrets and queues, found by their names in the template."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import cached_property
from typing import Any

from aftercare.settings import Settings
from aftercare.table import Tables
from simulator.commands.problem import BadInput


class StackRecords:
    """The records of a stack, by the ports that its functions use too."""

    def __init__(self, stack: str, now: datetime) -> None:
        self.stack = stack
        self.now = now

    @property
    def name(self) -> str:
        return f"stack {self.stack}"

    def client(self, service: str) -> Any:
        """An AWS client; a missing region or missing credentials are bad input."""
        from aftercare import aws

        return aws.client(service)

    @cached_property
    def resources(self) -> dict[str, str]:
        """Physical ids by logical id. BadInput when the stack cannot be read."""
        try:
            answer = self.client("cloudformation").describe_stack_resources(StackName=self.stack)
        except Exception as error:
            raise BadInput(f"--stack {self.stack}: cannot be read: {plain(error)}") from error
        return {r["LogicalResourceId"]: r["PhysicalResourceId"] for r in answer["StackResources"] if "PhysicalResourceId" in r}

    def resource(self, logical_id: str) -> str:
        if logical_id not in self.resources:
            raise BadInput(f"--stack {self.stack}: expected a resource {logical_id}: is this a stack of Aftercare?")
        return self.resources[logical_id]

    @cached_property
    def _outside(self) -> Any:
        from aftercare.aws import AwsOutside

        tables = {"customer_table": self.resource("CustomerTable"), "knowledge_table": self.resource("KnowledgeTable")}
        return AwsOutside(Settings(**tables))

    @property
    def tables(self) -> Tables:
        tables: Tables = self._outside.tables
        return tables

    @cached_property
    def identity_secret(self) -> str:
        return str(self._outside.secrets.text(self.resource("IdentitySecret")))

    @cached_property
    def operator(self) -> str:
        """The ARN of the credentials that are used."""
        try:
            return str(self.client("sts").get_caller_identity()["Arn"])
        except Exception as error:
            raise BadInput(f"--stack {self.stack}: cannot say whose credentials these are: {plain(error)}") from error

    @cached_property
    def link_secret(self) -> str:
        return str(self._outside.secrets.text(self.resource("LinkKeySecret")))

    @cached_property
    def public_base_url(self) -> str:
        """The address of the customers' links, as the gate has it."""
        try:
            answer = self.client("lambda").get_function_configuration(FunctionName=self.resource("MessageGateFunction"))
        except Exception as error:
            raise BadInput(f"--stack {self.stack}: cannot be read: {plain(error)}") from error
        return str(answer["Environment"]["Variables"]["PUBLIC_BASE_URL"])

    def webhook_endpoints(self) -> str | None:
        """The text of the parameter with the endpoints, or None where the stack has none. BadInput when it cannot be read."""
        try:
            answer = self.client("lambda").get_function_configuration(FunctionName=self.resource("HelpdeskBridgeFunction"))
            name = answer["Environment"]["Variables"]["WEBHOOK_ENDPOINTS_PARAMETER"]
            if not name:
                return None
            return str(self.client("ssm").get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"])
        except BadInput:
            raise
        except Exception as error:
            raise BadInput(f"--stack {self.stack}: its endpoints cannot be read: {plain(error)}") from error

    def keep(self) -> None:
        """What was written is kept by the table itself."""

    def carry_out(self, takes: timedelta) -> None:
        """Its functions do it."""

    def forget(self, names: set[str]) -> None:
        """Nothing of a customer lies beside its tables but ids."""

    def ring(self, customer_id: str) -> None:
        """As the sweep would, when the slot's timer did not ring; if this fails, the sweep does it within minutes."""
        from simulator.commands.records import slot_body

        try:
            self._outside.queues.send(self.resource("GateQueue"), slot_body(customer_id, self.now), group=customer_id)
        except Exception as error:
            raise BadInput(
                f"--stack {self.stack}: the gate could not be told ({plain(error)}); due_sweep tells it within minutes"
            ) from error


def plain(error: Exception) -> str:
    """An AWS error in one line: its code and message, or its name where it has neither."""
    response = getattr(error, "response", None)
    if isinstance(response, dict):
        told = response.get("Error", {})
        return f"{told.get('Code', type(error).__name__)}: {told.get('Message', '')}"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"
