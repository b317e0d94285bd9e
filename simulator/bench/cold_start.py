"""P1, P2, P3, P6: what a function's init costs, against BASE, each in a process of its own.

BASE is `import boto3` with stock clients of dynamodb, events and sesv2. A function's init is its handler's import and the
same three clients, made by the engine's own composition root: without them the comparison would flatter, because the
engine makes clients on first use. Both run from copies whose bytecode needs no check (unchecked-hash), as the built
bundle has it, with `-I -S -B`: no user site, no .pth, nothing written. A function has its environment of template.yaml,
with the SDK's models and the content as the build makes them; BASE has the SDK as it comes.

What is put off is not gone: a row without a bar tells what the first invocation can load on top, which is every import
that stands inside a function of the modules that init has loaded, and of those that come with it.
"""

from __future__ import annotations

import compileall
import hashlib
import json
import os
import re
import runpy
import shutil
import statistics
import subprocess  # nosec B404 - starts this interpreter only
import sys
import sysconfig
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from py_compile import PycInvalidationMode
from typing import Any, Final

from simulator.bench.measure import Result, Say
from simulator.commands.options import BUILD, ROOT
from simulator.commands.world import PARAMETERS
from simulator.template import load

BASE: Final = "BASE"
CALLS: Final = 1.35
"""P2's bar. A contract test holds it for each function as the sources lie, so that a shape too many is seen before a build."""

PAIRS: Final = 11
RUNTIME: Final = ("boto3", "botocore", "jmespath", "python-dateutil", "s3transfer", "six", "urllib3")
"""What Lambda's own runtime brings; the layer must not."""

FORBIDDEN: Final = {
    "aws_xray_sdk": "tracing",
    "numpy": "numpy",
    "requests": "requests",
    "boto3.resources.factory": "the resource API",
}
"""Modules that no init may load (P6), beside a template engine outside the gate and the pages."""

TEMPLATE_ENGINE: Final = "jinja2"
MAY_RENDER: Final = ("message_gate", "customer_pages")

_CHILD: Final = r"""
import json, os, sys, resource
what, paths, count = json.loads(sys.argv[1])
sys.path[:0] = paths
before = set(sys.modules)
calls = 0
def seen(frame, event, argument):
    global calls
    if event == "call":
        calls += 1
start = resource.getrusage(resource.RUSAGE_SELF)
if count:
    sys.setprofile(seen)
if what == "BASE":
    import boto3
    for service in ("dynamodb", "events", "sesv2"):
        boto3.client(service)
else:
    import importlib
    handle = importlib.import_module(what).handle
    imported = sorted(set(sys.modules) - before)
    from aftercare.outside import current
    outside = current()
    outside.tables, outside.bus, outside.mail
sys.setprofile(None)
end = resource.getrusage(resource.RUSAGE_SELF)
cpu = (end.ru_utime + end.ru_stime) - (start.ru_utime + start.ru_stime)
modules = sorted(set(sys.modules) - before)
print(json.dumps({"calls": calls, "cpu": cpu, "modules": modules, "imported": imported if what != "BASE" else []}))
"""

_LATER: Final = r"""
import ast, importlib, json, resource, sys
what, paths, count = json.loads(sys.argv[1])
sys.path[:0] = paths
importlib.import_module(what)
ours = ("aftercare", what.partition(".")[0])
before, read, cpu = set(sys.modules), set(), 0.0
def put_off(tree):
    for body in ast.walk(tree):
        if isinstance(body, (ast.FunctionDef, ast.AsyncFunctionDef)):
            for node in ast.walk(body):
                if isinstance(node, ast.Import):
                    yield from (name.name for name in node.names)
                elif isinstance(node, ast.ImportFrom) and node.module:
                    yield node.module
                    yield from (f"{node.module}.{name.name}" for name in node.names)
while True:
    loaded = sorted(sys.modules.items())
    fresh = [m for n, m in loaded if n.partition(".")[0] in ours and n not in read and getattr(m, "__file__", None)]
    if not fresh:
        break
    read |= {m.__name__ for m in fresh}
    names = [n for m in fresh for n in put_off(ast.parse(open(m.__file__, encoding="utf-8").read()))]
    start = resource.getrusage(resource.RUSAGE_SELF)
    for name in dict.fromkeys(names):
        try:
            module = importlib.import_module(name)
        except ImportError:
            module = sys.modules.get(name.rpartition(".")[0])
            getattr(module, name.rpartition(".")[2], None)
    end = resource.getrusage(resource.RUSAGE_SELF)
    cpu += (end.ru_utime + end.ru_stime) - (start.ru_utime + start.ru_stime)
modules = sorted(set(sys.modules) - before - {"ast", "_ast"})
print(json.dumps({"calls": 0, "cpu": cpu, "modules": modules, "imported": []}))
"""

_ENVIRONMENT: Final = {
    "AWS_DEFAULT_REGION": "eu-central-1",
    "AWS_ACCESS_KEY_ID": "local",
    "AWS_SECRET_ACCESS_KEY": "local",
    "AWS_EC2_METADATA_DISABLED": "true",
}
"""What Lambda itself gives every process."""


@dataclass(frozen=True, slots=True)
class Init:
    """What one process did from its start to its clients."""

    calls: int
    cpu: float
    modules: frozenset[str]
    imported: frozenset[str]


@dataclass(frozen=True, slots=True)
class Bundle:
    """The copies to run: `paths` as Lambda's Python finds them, and each function's environment by its package."""

    paths: list[str]
    environments: dict[str, dict[str, str]]

    @property
    def packages(self) -> list[str]:
        return sorted(self.environments)


def measure(say: Say) -> list[Result]:
    bundle = _copies(say)
    base = _run(BASE, bundle, count=True)
    counted: dict[str, Init] = {}
    for package in bundle.packages:
        say(f"P1, P2: counting the init of {package}")
        counted[package] = _run(package, bundle, count=True)
    modules = {package: len(init.modules) / len(base.modules) for package, init in counted.items()}
    calls = {package: init.calls / base.calls for package, init in counted.items()}
    cpu = _cpu(bundle, say)
    found = _forbidden(counted)
    later = {package: _run(package, bundle, count=False, program=_LATER) for package in bundle.packages}
    most = max(later, key=lambda package: len(later[package].modules))
    return [
        _worst("P1", "modules imported at init / BASE", modules, 1.30, f"BASE {len(base.modules)} modules"),
        _worst("P2", "Python calls during init / BASE", calls, CALLS, f"BASE {base.calls} calls"),
        _worst("P3", "init CPU / BASE, median of pairs", cpu, 1.25, f"{PAIRS} interleaved pairs each"),
        Result(
            "P3",
            "modules that a first invocation can load on top",
            float(len(later[most].modules)),
            None,
            note=", ".join(f"{p} {len(i.modules)} in {i.cpu * 1000:.0f} ms" for p, i in sorted(later.items())),
        ),
        Result(
            "P6",
            "modules that no init may load",
            float(len(found)),
            0.0,
            "at most",
            note=", ".join(found) or f"{len(counted)} functions",
        ),
    ]


def calls_as_it_lies(models: Path) -> dict[str, float]:
    """P2 of each function without a build: from the sources, with the SDK's models as build_data.py wrote them to `models`."""
    paths = [str(ROOT / "functions"), str(ROOT / "layers" / "shared"), sysconfig.get_path("purelib")]
    environments = {name: {**each, "AWS_DATA_PATH": str(models)} for name, each in _environments(models.parent).items()}
    bundle = Bundle(paths, environments)
    base = _run(BASE, bundle, count=True).calls
    return {package: _run(package, bundle, count=True).calls / base for package in bundle.packages}


def _worst(id_: str, what: str, ratios: dict[str, float], bar: float, note: str) -> Result:
    name = max(ratios, key=lambda package: ratios[package])
    least = min(ratios, key=lambda package: ratios[package])
    return Result(
        id_, what, round(ratios[name], 3), bar, "at most", note=f"worst {name}; best {least} {ratios[least]:.2f}; {note}"
    )


def _forbidden(counted: dict[str, Init]) -> list[str]:
    """What the handler's import alone loads, and must not; the clients bring the second session check."""
    found = []
    for package, init in sorted(counted.items()):
        found += [f"{package} loads {word}" for name, word in FORBIDDEN.items() if name in init.imported]
        if TEMPLATE_ENGINE in init.imported and package not in MAY_RENDER:
            found.append(f"{package} loads a template engine")
    return found


def _cpu(bundle: Bundle, say: Say) -> dict[str, float]:
    """Each function's CPU time over that of a BASE run beside it; the order turns, so drift hits all alike."""
    packages = bundle.packages
    ratios: dict[str, list[float]] = {package: [] for package in packages}
    for round_ in range(PAIRS):
        say(f"P3: round {round_ + 1} of {PAIRS}")
        turned = packages[round_ % len(packages) :] + packages[: round_ % len(packages)]
        for n, package in enumerate(turned):
            pair = [BASE, package] if (n + round_) % 2 == 0 else [package, BASE]
            times = {what: _run(what, bundle, count=False).cpu for what in pair}
            ratios[package].append(times[package] / times[BASE])
    return {package: statistics.median(each) for package, each in ratios.items()}


def _run(what: str, bundle: Bundle, count: bool, program: str = _CHILD) -> Init:
    """Run BASE or a package's init in a process of its own."""
    module, environment = (BASE, {}) if what == BASE else (f"{what}.handler", bundle.environments[what])
    done = subprocess.run(  # noqa: S603 # nosec B603 - this interpreter, with a program of ours
        [sys.executable, "-I", "-S", "-B", "-c", program, json.dumps([module, bundle.paths, count])],
        capture_output=True,
        text=True,
        env={**_ENVIRONMENT, **environment, "PATH": os.environ.get("PATH", "")},
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"init of {what} failed: {done.stderr.strip().splitlines()[-1]}")
    told: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return Init(told["calls"], told["cpu"], frozenset(told["modules"]), frozenset(told["imported"]))


# ---------------------------------------------------------------- the copies


def _copies(say: Say) -> Bundle:
    """Functions, layer and runtime as a deployment has them, for this interpreter; made once for each state of the source."""
    place = ROOT / BUILD / "bench"
    functions, layer, runtime = place / "task", place / "opt", place / "runtime"
    site = layer / "python"
    stamp, state = place / "made-from", _state()
    if not stamp.exists() or stamp.read_text() != state:
        say("P1 to P6: copying and compiling functions, layer and runtime (first time only)")
        shutil.rmtree(place, ignore_errors=True)
        for distribution in sorted(_layer_distributions()):
            _copy_distribution(distribution, site)
        for distribution in RUNTIME:
            _copy_distribution(distribution, runtime)
        ignore = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / "layers" / "shared" / "aftercare", site / "aftercare", ignore=ignore)
        shutil.copyfile(ROOT / "layers" / "shared" / "amazon-roots.pem", layer / "amazon-roots.pem")
        for package in _packages():
            shutil.copytree(ROOT / "functions" / package, functions / package, ignore=ignore)
        build = runpy.run_path(str(ROOT / "layers" / "shared" / "build_data.py"))
        build["write_content"](place)
        build["write_models"](runtime / "botocore", layer / "models")
        for folder in (functions, site, runtime):
            compileall.compile_dir(
                str(folder), quiet=2, workers=0, invalidation_mode=PycInvalidationMode.UNCHECKED_HASH, stripdir=str(folder)
            )
        stamp.write_text(state)
    return Bundle([str(functions), str(site), str(runtime)], _environments(layer))


def _environments(layer: Path) -> dict[str, dict[str, str]]:
    """What template.yaml sets for each function, the layer's files being where this copy has them."""
    return {
        function.handler.partition(".")[0]: {
            name: str(layer / value.removeprefix("/opt/")) if value.startswith("/opt/") else value
            for name, value in function.environment.items()
        }
        for function in load(ROOT / "template.yaml", PARAMETERS).functions.values()
    }


def _packages() -> list[str]:
    return sorted(path.parent.name for path in (ROOT / "functions").glob("*/handler.py"))


def _layer_distributions() -> set[str]:
    """The locked distributions of the layer."""
    lines = (ROOT / "layers" / "shared" / "requirements.txt").read_text().splitlines()
    return {found[1] for line in lines if (found := re.match(r"([A-Za-z0-9._-]+)==", line))} - set(RUNTIME)


def _copy_distribution(name: str, target: Path) -> None:
    for file in metadata.distribution(name).files or []:
        if ".." in file.parts or "__pycache__" in file.parts or file.parts[0].endswith(".dist-info"):
            continue
        path = target / Path(*file.parts)
        path.parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(str(file.locate()), path)


def _state() -> str:
    whole = hashlib.sha256(sys.version.encode())
    for folder in (ROOT / "functions", ROOT / "layers" / "shared"):
        for path in sorted(p for p in folder.rglob("*") if p.is_file() and "__pycache__" not in p.parts):
            whole.update(str(path.relative_to(ROOT)).encode() + path.read_bytes())
    return whole.hexdigest()
