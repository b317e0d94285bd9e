"""What a function's init may cost, held before anything is built: the bench measures the bundle (P1 to P6)."""

from pathlib import Path

import botocore

import build_data
from simulator.bench import cold_start


def test_no_functions_init_makes_more_calls_than_its_bar(tmp_path):
    """A model's class costs about 65 calls a field: what a first event seldom needs is imported where it is used."""
    models = tmp_path / "models"
    build_data.write_models(Path(botocore.__file__).parent, models)
    found = cold_start.calls_as_it_lies(models)
    assert set(found) == {path.parent.name for path in (cold_start.ROOT / "functions").glob("*/handler.py")}
    assert {package: round(ratio, 3) for package, ratio in found.items() if ratio > cold_start.CALLS} == {}
