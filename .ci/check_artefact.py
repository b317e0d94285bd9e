"""What `sam build` made, held against performance.md's P5 and P8, and imported as Lambda would.

check_artefact.py BUILD LAYER RUNTIME: the build folder, the layer's packages for this machine's processor (the built
ones are for arm64), and boto3 as the runtime brings it. Runs on Lambda's own Python.
"""

import importlib.util
import io
import json
import runpy
import subprocess
import sys
import zipfile
from pathlib import Path

UNCHECKED_HASH = 0b01
FUNCTIONS = Path(__file__).parents[1] / "functions"
LAYER_BYTES, FUNCTION_BYTES = 5_500_000, 1_000_000
IMPORT = """
import importlib, sys
sys.path[:0] = sys.argv[2:]
assert callable(importlib.import_module(sys.argv[1]).handle), "no handle()"
for name in ("aws_xray_sdk", "numpy", "requests"):
    assert name not in sys.modules, f"{name} is imported at init"
"""
TEMPLATES = """
import importlib, sys
sys.path[:0] = sys.argv[2:-1]
# The check itself stays behind (`evaluation`, functions/Makefile): it is the one thing that comes from the sources.
importlib.import_module("message_gate").__path__.append(sys.argv.pop())
found = importlib.import_module(sys.argv[1]).handle({"templates": "check"}, None)
assert found["ok"], found["findings"]
"""
"""Reads every content file of the layer and of the gate as they are built, and writes every message with them."""
BUILD_DATA = runpy.run_path(str(Path(__file__).parents[1] / "layers" / "shared" / "build_data.py"))


def without_bytecode(sources: Path, built: Path | None = None) -> list[str]:
    """Sources whose compiled form is missing, older than they are, or would be checked against a time stamp. It lies beside
    them, or in place of them in another folder, where no source may lie then."""
    bad = [] if built is None else [f"{path}: a source" for path in sorted(built.rglob("*.py"))]
    for source in sorted(sources.rglob("*.py")):
        if built is None:
            compiled = Path(importlib.util.cache_from_source(str(source)))
        elif "evaluation" in source.relative_to(sources).parts:
            continue
        else:
            compiled = (built / source.relative_to(sources)).with_suffix(".pyc")
        head = compiled.read_bytes()[:16] if compiled.exists() else b""
        good = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little")
        if head != good + importlib.util.source_hash(source.read_bytes()):
            bad.append(str(source))
    return bad


def not_json(folder: Path) -> list[str]:
    """Content files as they were written: the layer has no YAML library to read them."""
    bad = []
    for path in BUILD_DATA["content_files"](folder):
        try:
            json.loads(path.read_text(encoding="utf-8"))
        except ValueError:
            bad.append(str(path))
    return bad


def not_in_models(models: Path) -> list[str]:
    """Operations that the engine calls and that AWS_DATA_PATH hides."""
    bad = []
    for service, wanted in BUILD_DATA["OPERATIONS"].items():
        found = [
            json.loads(path.read_text(encoding="utf-8"))["operations"] for path in models.glob(f"{service}/*/service-2.json")
        ]
        bad += [f"{service} {name}" for name in sorted(wanted) if not any(name in operations for operations in found)]
    return bad


def zipped(folder: Path) -> int:
    """Bytes of the archive that a deployment uploads."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder))
    return buffer.tell()


def main(build: Path, layer: Path, runtime: Path) -> int:
    problems = [f"no unchecked-hash bytecode: {path}" for path in without_bytecode(build / "SharedLayer")]
    problems += [f"not in the layer's models: {operation}" for operation in not_in_models(build / "SharedLayer" / "models")]
    functions = sorted(folder for folder in build.iterdir() if folder.name.endswith("Function"))
    problems += [f"content is not JSON: {path}" for folder in (build / "SharedLayer", *functions) for path in not_json(folder)]
    sizes = {folder: zipped(folder) for folder in functions}
    layer_size = zipped(build / "SharedLayer")
    print(f"layer {layer_size / 1e6:.2f} MB of {LAYER_BYTES / 1e6}")
    print(f"functions {sum(sizes.values()) / 1e6:.2f} MB of {FUNCTION_BYTES / 1e6} in {len(functions)} archives")
    if layer_size > LAYER_BYTES:
        problems.append(f"P8: the layer's archive has {layer_size} bytes, the bar is {LAYER_BYTES}")
    if sum(sizes.values()) > FUNCTION_BYTES:
        problems.append(f"P8: the functions' archives have {sum(sizes.values())} bytes, the bar is {FUNCTION_BYTES}")
    for folder in functions:
        packages = [p.name for p in folder.iterdir() if p.is_dir()]
        if len(packages) != 1:
            problems.append(f"{folder.name} holds {packages}, not one package")
            continue
        bare = without_bytecode(FUNCTIONS / packages[0], folder / packages[0])
        problems += [f"no unchecked-hash bytecode: {path}" for path in bare]
        arguments = [f"{packages[0]}.handler", str(folder), str(layer), str(runtime)]
        programs = {"does not import": (IMPORT, arguments)}
        if packages == ["message_gate"]:
            programs["cannot write"] = (TEMPLATES, [*arguments, str(FUNCTIONS / "message_gate")])
        for what, (program, given) in programs.items():
            command = [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", program, *given]
            run = subprocess.run(command, capture_output=True, text=True)
            if run.returncode:
                problems.append(f"{folder.name} {what}: {run.stderr.strip().splitlines()[-1]}")
    print("\n".join(problems) or f"bytecode, content, models and imports of {len(functions)} functions and the layer: right")
    return len(problems) > 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
