"""A content file's text as plain data: YAML as a store writes it, JSON as the build leaves it (layers/shared/build_data.py).

No more than the standard library is imported before YAML is met, and nothing of this package: the build runs this file alone.
"""

import json
import re
from functools import lru_cache
from typing import Any


class NotReadable(ValueError):
    """A text that is neither; the line is counted from 1 where it is known."""

    def __init__(self, line: int | None, problem: str) -> None:
        super().__init__(f"{f'line {line}: ' if line else ''}not readable as YAML: {problem}")
        self.line = line
        self.problem = problem


def data(text: str) -> Any:
    """Mappings, lists, texts, numbers, true, false and null. NotReadable."""
    try:
        return json.loads(text)
    except ValueError:
        return _yaml(text)


def _yaml(text: str) -> Any:
    import yaml

    try:
        return yaml.load(text, Loader=_loader())  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        raise NotReadable(mark.line + 1 if mark else None, str(getattr(error, "problem", error))) from error


@lru_cache(maxsize=1)
def _loader() -> Any:
    """A safe loader to which only true and false are truth values, as in YAML 1.2 (NO is Norway, "on" is a word), and a
    day is a text, as in JSON: the shape that it is read into makes a date of it."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    truth, day = "tag:yaml.org,2002:bool", "tag:yaml.org,2002:timestamp"
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag not in (truth, day)]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(truth, re.compile(r"^(?:true|false)$"), list("tf"))
    return Loader
