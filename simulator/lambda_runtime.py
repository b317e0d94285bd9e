"""Handlers in this process: loaded as the template names them, each with its own environment, one invocation at a time."""

from __future__ import annotations

import hashlib
import importlib
import os
import sys
import traceback
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from io import TextIOBase
from pathlib import Path
from typing import Any, Final

from simulator.faults import SandboxKilled
from simulator.template import Function

Handler = Callable[[Any, Any], Any]

LOG_CHARACTERS: Final = 4_000_000
"""How much of the handlers' standard output is kept; the oldest goes first."""

ERRORS_KEPT: Final = 1_000


class FunctionError(Exception):
    """What Lambda answers when a handler raised or its sandbox ended: X-Amz-Function-Error with errorType and message."""

    def __init__(self, function: str, error_type: str, message: str, trace: str = "") -> None:
        super().__init__(f"{function}: {error_type}: {message}")
        self.function = function
        self.error_type = error_type
        self.message = message
        self.trace = trace

    def payload(self) -> dict[str, Any]:
        return {"errorType": self.error_type, "errorMessage": self.message}


class FunctionMissing(LookupError):
    """No function of the template has this name or ARN, or its handler cannot be loaded."""


class LogSink(TextIOBase):
    """The log groups: what handlers wrote, with whose invocation wrote it, bounded."""

    def __init__(self, who: Callable[[], str], limit: int = LOG_CHARACTERS) -> None:
        self._who = who
        self._limit = limit
        self._size = 0
        self._kept: deque[tuple[str, str]] = deque()

    def writable(self) -> bool:
        return True

    def write(self, text: str) -> int:
        self._kept.append((self._who(), text))
        self._size += len(text)
        while self._size > self._limit:
            self._size -= len(self._kept.popleft()[1])
        return len(text)

    def text(self, function: str | None = None) -> str:
        """Everything kept, or what one function (its package's name) wrote."""
        return "".join(text for name, text in self._kept if function is None or name == function)


class Context:
    """What Lambda hands a handler beside the event."""

    __slots__ = ("_remaining", "aws_request_id", "function_name", "function_version", "invoked_function_arn",
                 "log_group_name", "log_stream_name", "memory_limit_in_mb")  # fmt: skip

    def __init__(self, function: Function, request_id: str) -> None:
        self.aws_request_id = request_id
        self.function_name = function.name
        self.function_version = "$LATEST"
        self.invoked_function_arn = function.arn
        self.log_group_name = f"/aws/lambda/{function.name}"
        self.log_stream_name = request_id
        self.memory_limit_in_mb = function.memory
        self._remaining = function.timeout * 1000

    def get_remaining_time_in_millis(self) -> int:
        """The whole timeout: a handler takes no virtual time."""
        return self._remaining


@dataclass(frozen=True, slots=True)
class Invocation:
    """Whose code is running now."""

    function: Function
    request_id: str


class LambdaRuntime:
    """All functions of a template. `handlers` gives callables in place of what the template's Handler names (tests)."""

    def __init__(
        self,
        functions: Mapping[str, Function],
        seed: int | str,
        environment: Mapping[str, str],
        handlers: Mapping[str, Handler] | None = None,
    ) -> None:
        self._functions = dict(functions)
        self._by_arn = {function.arn: function for function in functions.values()}
        self._by_name = {function.name: function for function in functions.values()}
        self._by_package = {function.package: function for function in functions.values()}
        self._handlers: dict[str, Handler] = {}
        for name, handler in (handlers or {}).items():
            self._handlers[self.find(name).logical_id] = handler
        self._base = dict(environment)
        self._environments: dict[str, dict[str, str]] = {}
        self._prefix = hashlib.sha256(f"requests:{seed}".encode()).hexdigest()
        self.invocations = 0
        self.current: Invocation | None = None
        self.log = LogSink(lambda: self.current.function.package if self.current else "")
        self.errors: deque[FunctionError] = deque(maxlen=ERRORS_KEPT)

    def find(self, name: str) -> Function:
        """A function by logical id, handler package, name or ARN (a qualified one too). FunctionMissing."""
        found = self._functions.get(name) or self._by_arn.get(name) or self._by_name.get(name) or self._by_package.get(name)
        if found is None and name.startswith("arn:") and name.count(":") == 7:
            found = self._by_arn.get(name.rpartition(":")[0])
        if found is None:
            raise FunctionMissing(f"no function {name} in the template: there are {', '.join(sorted(self._functions))}")
        return found

    def who(self) -> tuple[str, str] | None:
        """The running invocation's function (its package) and request id; None when no handler runs."""
        current = self.current
        return None if current is None else (current.function.package, current.request_id)

    def invoke(self, function: Function, event: Any) -> Any:
        """Run a handler on an event, now. FunctionError when it raised or was killed."""
        handler = self._handlers.get(function.logical_id) or self._load(function)
        environment = self._environments.get(function.logical_id)
        if environment is None:
            environment = self._environments[function.logical_id] = self._environment(function)
        self.invocations += 1
        n = self.invocations
        request_id = f"{self._prefix[:8]}-{self._prefix[8:12]}-4{self._prefix[12:15]}-8{self._prefix[15:18]}-{n:012x}"
        before, outer = self.current, os.environ
        self.current = Invocation(function, request_id)
        # One assignment instead of a putenv for each variable: everything that handlers use reads os.environ.
        os.environ = environment  # type: ignore[assignment]  # noqa: B003 - no child process is started under it
        try:
            return handler(event, Context(function, request_id))
        except SandboxKilled as killed:
            raise self._failed(FunctionError(function.package, "Runtime.ExitError", str(killed))) from None
        except Exception as error:
            trace = "".join(traceback.format_exception(error))
            raise self._failed(FunctionError(function.package, type(error).__name__, str(error), trace)) from error
        finally:
            self.current = before
            os.environ = outer  # noqa: B003

    @contextmanager
    def captured(self) -> Iterator[None]:
        """Standard output goes to the log while this is entered."""
        before = sys.stdout
        sys.stdout = self.log
        try:
            yield
        finally:
            sys.stdout = before

    def _failed(self, error: FunctionError) -> FunctionError:
        self.errors.append(error)
        return error

    def _environment(self, function: Function) -> dict[str, str]:
        return {
            **self._base,
            **function.environment,
            "AWS_LAMBDA_FUNCTION_NAME": function.name,
            "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
            "_HANDLER": function.handler,
        }

    def _load(self, function: Function) -> Handler:
        for root in (function.code_root, *function.layer_roots):
            add_to_path(root)
        module_name, _, attribute = function.handler.rpartition(".")
        try:
            module = importlib.import_module(module_name)
        except ModuleNotFoundError as missing:
            if missing.name and (module_name == missing.name or module_name.startswith(f"{missing.name}.")):
                raise FunctionMissing(
                    f"{function.logical_id}: no module {missing.name} under {function.code_root} for handler {function.handler}"
                ) from missing
            raise
        handler = getattr(module, attribute, None)
        if not callable(handler):
            raise FunctionMissing(f"{function.logical_id}: {module_name} has no function {attribute}")
        self._handlers[function.logical_id] = handler
        return handler  # type: ignore[no-any-return]


def add_to_path(root: Path) -> None:
    """Put a source root on the import path, once."""
    text = str(root)
    if text not in sys.path:
        sys.path.insert(0, text)
