"""P5, P8: the bundle that `sam build` made: its bytecode and its size."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path
from typing import Final

from simulator.bench.measure import Result, Say
from simulator.commands.options import ROOT

BUILT: Final = ROOT / ".aws-sam" / "build"
TAG: Final = "cpython-313"
UNCHECKED_HASH: Final = 1


def measure(say: Say) -> list[Result]:
    say("P5, P8: reading the built bundle")
    rows = (
        ("P5", ".py files without unchecked-hash bytecode", 0.0, ""),
        ("P8", "layer archive, boto3 from the runtime", 5.5, "MB"),
        ("P8", "function archives together", 1.0, "MB"),
    )
    if not BUILT.is_dir():
        note = "nothing is built: run `make build` first"
        return [Result(id_, what, None, bar, "at most", unit, note) for id_, what, bar, unit in rows]
    functions = sorted(folder for folder in BUILT.iterdir() if folder.name.endswith("Function"))
    layer = BUILT / "SharedLayer"
    bare = [path for path in layer.rglob("*.py") if not _compiled(path)]
    bare += [path for folder in functions for path in _uncompiled(folder)]
    measured = (
        (float(len(bare)), str(bare[0].relative_to(BUILT)) if bare else f"{len(functions)} functions and the layer"),
        (_zipped(layer) / 1e6, "as it is uploaded"),
        (sum(map(_zipped, functions)) / 1e6, f"{len(functions)} archives"),
    )
    return [
        Result(id_, what, round(value, 2), bar, "at most", unit, note)
        for (id_, what, bar, unit), (value, note) in zip(rows, measured, strict=True)
    ]


def _uncompiled(function: Path) -> list[Path]:
    """A function's modules that have no such bytecode in their place (it has no sources, decision 0135)."""
    bare = list(function.rglob("*.py"))
    for package in (path for path in function.iterdir() if path.is_dir()):
        for source in (ROOT / "functions" / package.name).rglob("*.py"):
            where = source.relative_to(ROOT / "functions")
            built = (function / where).with_suffix(".pyc")
            if "evaluation" not in where.parts and not (built.exists() and _is_unchecked(built)):
                bare.append(built)
    return bare


def _compiled(source: Path) -> bool:
    """Whether Lambda's Python finds bytecode that it need not check; `.ci/check_artefact.py` compares the hashes too."""
    compiled = source.parent / "__pycache__" / f"{source.stem}.{TAG}.pyc"
    return compiled.exists() and _is_unchecked(compiled)


def _is_unchecked(compiled: Path) -> bool:
    return int.from_bytes(compiled.read_bytes()[4:8], "little") == UNCHECKED_HASH


def _zipped(folder: Path) -> int:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder))
    return buffer.tell()
