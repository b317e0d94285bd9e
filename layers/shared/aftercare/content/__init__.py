"""The files that a store edits, and the one reader that says in one line what is wrong with one."""

from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from aftercare.content import plain
from aftercare.model import Model

HERE = Path(__file__).parent

Shape = TypeVar("Shape", bound=Model)


class ContentError(ValueError):
    """A content file is not as it must be: the text names file, field and what was expected."""


def read_content(path: Path, shape: type[Shape]) -> Shape:
    """Read a content file (relative: beside this module) into its model. ContentError naming file, field and expectation."""
    file = path if path.is_absolute() else HERE / path
    try:
        read = plain.data(file.read_text(encoding="utf-8"))
    except plain.NotReadable as error:
        where = f", line {error.line}" if error.line else ""
        raise ContentError(f"{file.name}{where}: not readable as YAML: {error.problem}") from error
    try:
        return shape.model_validate(read)
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        raise ContentError(f"{file.name}: {field}: {first['msg']}") from error
