"""The top level is given: nothing is added to it without a decision, nothing is lost."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]
GIVEN = {"template.yaml", "pyproject.toml", "README.md", "functions", "layers", "events", "tests"}
BESIDE = {"simulator", "docs", "requirements", "Makefile", ".ci", ".gitignore"}


def committed_or_about_to_be() -> set[str]:
    listed = subprocess.run(
        ["git", "ls-files", "-co", "--exclude-standard", "-z"], cwd=ROOT, capture_output=True, text=True, check=True
    ).stdout
    return {path for path in listed.split("\0") if path and (ROOT / path).exists()}


def test_the_top_level_holds_what_is_given_and_the_few_files_that_tools_expect():
    assert {path.split("/")[0] for path in committed_or_about_to_be()} == GIVEN | BESIDE


def test_there_is_one_layer():
    assert {path.split("/")[1] for path in committed_or_about_to_be() if path.startswith("layers/")} == {"shared"}
