"""The files that a store edits, and the one reader that says in one line what is wrong with one."""

import re
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from aftercare.model import Model

HERE = Path(__file__).parent

Shape = TypeVar("Shape", bound=Model)


class ContentError(ValueError):
    """A content file is not as it must be: the text names file, field and what was expected."""


@lru_cache(maxsize=1)
def _loader() -> Any:
    """A safe loader to which only true and false are truth values, as in YAML 1.2: NO is Norway, and "on" is a word."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        pass

    truth = "tag:yaml.org,2002:bool"
    Loader.yaml_implicit_resolvers = {
        first: [(tag, pattern) for tag, pattern in resolvers if tag != truth]
        for first, resolvers in Loader.yaml_implicit_resolvers.items()
    }
    Loader.add_implicit_resolver(truth, re.compile(r"^(?:true|false)$"), list("tf"))
    return Loader


def read_content(path: Path, shape: type[Shape]) -> Shape:
    """Read a YAML file (relative: beside this module) into its model. ContentError naming file, field and expectation."""
    import yaml  # 20 modules that no cold start without content needs

    file = path if path.is_absolute() else HERE / path
    try:
        read = yaml.load(file.read_text(encoding="utf-8"), Loader=_loader())  # noqa: S506 - a safe loader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark else ""
        raise ContentError(f"{file.name}{where}: not readable as YAML: {getattr(error, 'problem', error)}") from error
    try:
        return shape.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ContentError(f"{file.name}: {field}: {first['msg']}") from error
