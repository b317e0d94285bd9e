"""What `sam build` made, held against performance.md's P5 and P8, and imported as Lambda would.

check_artefact.py BUILD LAYER RUNTIME: the build folder, the layer's packages for this machine's processor (the built
ones are for arm64), and boto3 as the runtime brings it. Runs on Lambda's own Python.
"""

import importlib.util
import io
import subprocess
import sys
import zipfile
from pathlib import Path

UNCHECKED_HASH = 0b01
LAYER_BYTES, FUNCTION_BYTES = 5_500_000, 1_000_000
IMPORT = """
import importlib, sys
sys.path[:0] = sys.argv[2:]
assert callable(importlib.import_module(sys.argv[1]).handle), "no handle()"
for name in ("aws_xray_sdk", "numpy", "requests"):
    assert name not in sys.modules, f"{name} is imported at init"
"""


def without_bytecode(folder: Path) -> list[str]:
    """Sources whose compiled form is missing, older than they are, or would be checked against a time stamp."""
    bad = []
    for source in sorted(folder.rglob("*.py")):
        compiled = Path(importlib.util.cache_from_source(str(source)))
        head = compiled.read_bytes()[:16] if compiled.exists() else b""
        good = importlib.util.MAGIC_NUMBER + UNCHECKED_HASH.to_bytes(4, "little")
        if head != good + importlib.util.source_hash(source.read_bytes()):
            bad.append(str(source))
    return bad


def zipped(folder: Path) -> int:
    """Bytes of the archive that a deployment uploads."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_DEFLATED) as archive:
        for path in sorted(p for p in folder.rglob("*") if p.is_file()):
            archive.write(path, path.relative_to(folder))
    return buffer.tell()


def main(build: Path, layer: Path, runtime: Path) -> int:
    problems = [f"no unchecked-hash bytecode: {path}" for path in without_bytecode(build)]
    functions = sorted(folder for folder in build.iterdir() if folder.name.endswith("Function"))
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
        arguments = [f"{packages[0]}.handler", str(folder), str(layer), str(runtime)]
        run = subprocess.run(
            [sys.executable, "-I", "-S", "-B", "-W", "error", "-c", IMPORT, *arguments], capture_output=True, text=True
        )
        if run.returncode:
            problems.append(f"{folder.name} does not import: {run.stderr.strip().splitlines()[-1]}")
    print("\n".join(problems) or f"bytecode and imports of {len(functions)} functions and the layer: right")
    return len(problems) > 0


if __name__ == "__main__":
    sys.exit(main(*map(Path, sys.argv[1:4])))
