"""Every threshold and window of reminders and segments stands in one file, and goes to its place in the file it is about."""

import json
import shutil
from pathlib import Path

import pytest

from aftercare.catalogue import Catalogue, catalogue
from aftercare.content import HERE, THRESHOLDS, ContentError, plain, read_content, whole
from aftercare.reorder_policy import reorder_policy
from aftercare.segment_policy import SegmentPolicy, segment_policy


def told(file):
    return plain.data(file.read_text(encoding="utf-8"))


NUMBERS = told(HERE / THRESHOLDS)
SHAPES = {"catalogue.yaml": Catalogue, "segments.yaml": SegmentPolicy}


@pytest.fixture
def content(tmp_path):
    """A store's copy of the three files, and a way to change one of them and read both that have a section."""
    for name in (THRESHOLDS, *SHAPES):
        shutil.copy(HERE / name, tmp_path / name)

    def read(name, change):
        now = told(tmp_path / name)
        change(now)
        (tmp_path / name).write_text(json.dumps(now), encoding="utf-8")
        return [read_content(tmp_path / file, shape) for file, shape in SHAPES.items()]

    return read


def test_the_numbers_are_where_they_belong():
    windows = {name: of["reorder"]["after_days"] for name, of in NUMBERS["catalogue"]["families"].items()}
    assert {name: f.reorder.after_days for name, f in catalogue().families.items() if f.reorder} == windows
    care = segment_policy().care.model_dump(mode="json")
    assert {name: care[name] for name in NUMBERS["segments"]["care"]} == NUMBERS["segments"]["care"]
    assert reorder_policy().margin == NUMBERS["reorder"]["margin"]


def test_no_window_or_threshold_is_left_in_the_files_that_have_a_section():
    """What is a number there is no window: minutes of a film, a warranty's years, the days of questions (docs/asking.md)."""
    kept = {"minutes", "years", "hours", "check_in_days", "days", "earliest", "worth"}

    def numbers(tree, name=""):
        if isinstance(tree, dict):
            return {found for key, value in tree.items() for found in numbers(value, key)}
        if isinstance(tree, list):
            return {found for value in tree for found in numbers(value, name)}
        return {name} if isinstance(tree, int | float) and not isinstance(tree, bool) else set()

    for name in SHAPES:
        assert numbers(told(HERE / name)) <= kept, name


def test_a_number_may_be_changed_in_its_one_place(content):
    goods, _ = content(THRESHOLDS, lambda told: told["catalogue"]["families"]["coffee"]["reorder"].update(after_days=12))
    assert goods.families["coffee"].reorder.after_days == 12
    _, policy = content(THRESHOLDS, lambda told: told["segments"]["care"]["use"]["signs"].update(bad=0.3))
    assert policy.care.use.signs["bad"] == 0.3


@pytest.mark.parametrize(
    ("name", "change", "says"),
    [
        (
            "catalogue.yaml",
            lambda told: told["families"]["coffee"]["reorder"].update(after_days=9),
            r"thresholds\.yaml: catalogue\.families\.coffee\.reorder\.after_days: expected in one file only, found here",
        ),
        (
            THRESHOLDS,
            lambda told: told["catalogue"]["families"]["coffee"]["reorder"].update(after_days=0),
            r"thresholds\.yaml: catalogue\.families\.coffee\.reorder\.after_days: ",
        ),
        (
            THRESHOLDS,
            lambda told: told["catalogue"]["families"].update(hats={"reorder": {"after_days": 7}}),
            r"thresholds\.yaml: catalogue\.families\.hats\.",
        ),
        (
            THRESHOLDS,
            lambda told: told["catalogue"]["families"].pop("coffee"),
            r"catalogue\.yaml: families\.coffee\.reorder\.after_days: Field required",
        ),
        (THRESHOLDS, lambda told: told.update(segmnts={}), r"thresholds\.yaml: segmnts: expected the sections catalogue, "),
        (THRESHOLDS, lambda told: told.update(segments=[1]), r"thresholds\.yaml: segments: expected names with numbers"),
        (THRESHOLDS, lambda told: told["segments"]["care"].update(low_use=3), r"thresholds\.yaml: segments\.care\.low_use: "),
    ],
)
def test_what_is_wrong_is_named_with_the_file_where_it_stands(content, name, change, says):
    with pytest.raises(ContentError, match=says):
        content(name, change)


def test_a_file_without_thresholds_beside_it_is_read_by_itself(tmp_path):
    file = tmp_path / "catalogue.yaml"
    file.write_text(json.dumps(whole(Path("catalogue.yaml"))), encoding="utf-8")
    assert read_content(file, Catalogue) == catalogue()
