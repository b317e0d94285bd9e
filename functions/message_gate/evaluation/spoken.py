"""Which phrases of the words files anything says: templates by `w.key`, views by keys that stand in the package's own code."""

import ast
import re
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

_IN_TEMPLATE = re.compile(r"\bw\.([a-z_0-9]+)|\bw\[[\"']([a-z_0-9]+)[\"']\]")
_VARIABLE = "\0"


@dataclass(frozen=True, slots=True)
class Spoken:
    """`words` are names that stand somewhere as they are; `shapes` are those put together, with their variable parts open."""

    words: frozenset[str]
    shapes: frozenset[str]

    @classmethod
    def of(cls, root: Path) -> "Spoken":
        """What the templates below `root` and the views of this package say."""
        code, shapes = _of_code()
        found = set(code)
        for path in root.rglob("mail.*"), root.rglob("partials/*"), root.glob("layout.*"):
            for file in path:
                found |= {one or other for one, other in _IN_TEMPLATE.findall(file.read_text(encoding="utf-8"))}
        return cls(frozenset(found), shapes)

    def uses(self, key: str) -> bool:
        """Whether the key stands somewhere, or can be put together.

        A shape with words of its own (`charge_…`) takes any ending. One without (`…_…`) takes only parts that are used
        themselves.
        """
        if key in self.words:
            return True
        for shape in self.shapes:
            fixed = len(re.sub(r"[_\0-]", "", shape)) > 2
            found = re.fullmatch(re.escape(shape).replace(re.escape(_VARIABLE), "(.+)").replace(_VARIABLE, "(.+)"), key)
            if found and (fixed or found[1] in self.words or found[1].partition("_")[0] in self.words):
                return True
        return False


@lru_cache(maxsize=1)
def _of_code() -> tuple[frozenset[str], frozenset[str]]:
    words, shapes = set[str](), set[str]()
    for path in Path(__file__).parents[1].glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                words.add(node.value)
            elif isinstance(node, ast.JoinedStr):
                parts = [str(part.value) if isinstance(part, ast.Constant) else _VARIABLE for part in node.values]
                shapes.add("".join(parts))
    keys = re.compile(r"[a-z0-9_]+")
    shape = re.compile(rf"[a-z0-9_{_VARIABLE}]*")
    return frozenset(w for w in words if keys.fullmatch(w)), frozenset(
        s for s in shapes if s.strip(_VARIABLE) and shape.fullmatch(s)
    )
