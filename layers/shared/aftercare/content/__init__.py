"""The files that a store edits, and the one reader that says in one line what is wrong with one."""

from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from aftercare.content import plain
from aftercare.model import Model

HERE = Path(__file__).parent

Shape = TypeVar("Shape", bound=Model)


class ContentError(ValueError):
    """A content file is not as it must be: the text names file, field and what was expected."""


THRESHOLDS = "thresholds.yaml"
SECTIONS = ("catalogue", "segments")
"""The files whose thresholds and windows stand in thresholds.yaml, each in the section of its name."""

OF_ITS_OWN = "reorder"
"""A section that is no file's."""


def read_content(path: Path, shape: type[Shape]) -> Shape:
    """Read a content file (relative: beside this module) into its model. ContentError naming file, field and expectation."""
    file = path if path.is_absolute() else HERE / path
    read, numbers = _plain(file), _section(file)
    try:
        return shape.model_validate(read if numbers is None else _joined(read, numbers, file.stem))
    except ValidationError as error:
        first = error.errors(include_url=False, include_context=False)[0]
        field = ".".join(str(part) for part in first["loc"]) or "the file"
        if _depth(numbers, first["loc"]) > _depth(read, first["loc"]):
            raise ContentError(f"{THRESHOLDS}: {file.stem}.{field}: {first['msg']}") from error
        raise ContentError(f"{file.name}: {field}: {first['msg']}") from error


def whole(path: Path) -> Any:
    """What a content file says together with its section of thresholds.yaml. ContentError."""
    file = path if path.is_absolute() else HERE / path
    numbers = _section(file)
    return _plain(file) if numbers is None else _joined(_plain(file), numbers, file.stem)


def _plain(file: Path) -> Any:
    try:
        return plain.data(file.read_text(encoding="utf-8"))
    except plain.NotReadable as error:
        where = f", line {error.line}" if error.line else ""
        raise ContentError(f"{file.name}{where}: not readable as YAML: {error.problem}") from error


def _section(file: Path) -> Mapping[str, Any] | None:
    """The numbers of a file, from the thresholds that lie beside it."""
    beside = file.with_name(THRESHOLDS)
    if file.stem not in SECTIONS or not beside.exists():
        return None
    read = _plain(beside)
    unknown = set(read) - {*SECTIONS, OF_ITS_OWN} if isinstance(read, dict) else {"the file"}
    if unknown:
        raise ContentError(f"{THRESHOLDS}: {min(unknown)}: expected the sections {', '.join((*SECTIONS, OF_ITS_OWN))}")
    section = read.get(file.stem, {})
    if not isinstance(section, dict):
        raise ContentError(f"{THRESHOLDS}: {file.stem}: expected names with numbers")
    return section


def _joined(read: Any, numbers: Mapping[str, Any], place: str) -> Any:
    """Both, each value where it belongs. ContentError for one that stands in both: nobody would know which counts."""
    found = dict(read) if isinstance(read, dict) else {}
    for name, value in numbers.items():
        if isinstance(found.get(name), dict) and isinstance(value, dict):
            found[name] = _joined(found[name], value, f"{place}.{name}")
        elif name in found:
            file = f"{place.partition('.')[0]}.yaml"
            raise ContentError(f"{THRESHOLDS}: {place}.{name}: expected in one file only, found here and in {file}")
        else:
            found[name] = value
    return found


def _depth(tree: Any, place: Iterable[str | int]) -> int:
    """How much of the way to a value a file knows: it is named where that is more."""
    depth = 0
    for name in place:
        if not isinstance(tree, dict) or name not in tree:
            break
        tree, depth = tree[name], depth + 1
    return depth
