"""The documents say what the code does: reasons, events, words, and the commands that the README and the help texts name.

docs/events.md is made by `python tests/contract/test_docs.py`; a test holds it.
"""

import re
import shlex
from pathlib import Path

import pytest

from aftercare.consent import Channel, Purpose
from aftercare.decision import Reason, State, Step
from aftercare.events import CATALOGUE
from aftercare.proposal import Unless
from simulator.commands.command_line import WORDS, parser
from simulator.report import words
from simulator.scenario.shape import VERBS, Expected, Scenario, parse

ROOT = Path(__file__).resolve().parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([ROOT / "README.md", *DOCS.rglob("*.md")])


def page(name):
    return (DOCS / name).read_text(encoding="utf-8")


def first_cells(text):
    """The words in backticks of the first column of every table."""
    return [name for row in re.findall(r"^\| (.*?) \|", text, re.M) for name in re.findall(r"`([^`]+)`", row)]


# ---------------------------------------------------------------- lists that must agree


def test_every_reason_is_explained_and_no_other():
    assert sorted(first_cells(page("reasons.md"))) == sorted(str(reason) for reason in Reason)


def test_every_reason_state_and_purpose_has_words():
    assert set(words.REASONS) == set(Reason)
    assert set(words.STATES) == set(State)
    assert set(words.PURPOSES) == set(Purpose)


def test_every_rule_of_the_gate_has_words_in_its_order():
    from message_gate.rules import RULES

    assert words.known_rules() == tuple(rule.__name__ for rule in RULES)


def test_every_condition_of_a_proposal_has_words():
    for unless in Unless:
        assert str(unless) not in words.rule(Step(rule="relevant", said="pass", saw={"unless": (str(unless),)}))[1]


def test_the_words_page_lists_purposes_and_channels():
    text = page("words.md")
    purposes = re.search(r"Purposes: (.*?)\.", text).group(1)
    channels = re.search(r"Channels: (.*?)\.", text).group(1)
    assert re.findall(r"`(\w+)`", purposes) == [str(purpose) for purpose in Purpose]
    assert re.findall(r"`(\w+)`", channels) == [str(channel) for channel in Channel]


def test_the_scenario_page_lists_every_field_verb_and_expectation():
    text = page("scenarios.md")
    of_the_file, _, rest = text.partition("## Steps")
    steps, _, expectations = rest.partition("## Expectations")
    assert first_cells(of_the_file) == list(Scenario.model_fields)
    assert first_cells(steps) == list(VERBS)
    assert sorted(first_cells(expectations)) == sorted(Expected.model_fields)


def test_the_scenario_of_the_page_is_one():
    whole = re.search(r"```yaml\n(.*?)```", page("scenarios.md"), re.S).group(1)
    assert parse(whole, "docs/scenarios.md").scenario.startswith("Coffee")


# ---------------------------------------------------------------- the catalogue of events


def listeners():
    """Which function hears an event of the aftercare bus, by the rules of the template."""
    from simulator.commands.world import PARAMETERS
    from simulator.template import load

    template = load(ROOT / "template.yaml", PARAMETERS)
    bus = next(bus.name for bus in template.buses if bus.logical_id == "AftercareBus")
    queues = {mapping.source_arn: mapping.function_arn for mapping in template.mappings}
    functions = {function.arn: function.package for function in template.functions.values()}
    heard: dict[str, list[str]] = {}
    for rule in template.rules:
        if rule.bus == bus and rule.pattern:
            for detail_type in rule.pattern["detail-type"]:
                heard.setdefault(detail_type, []).extend(functions[queues[target.arn]] for target in rule.targets)
    return heard


def events_page():
    heard = listeners()
    rows = [
        f"| `{kind.detail_type}` | `{kind.source}` | {', '.join(f'`{name}`' for name in kind.data.model_fields)} "
        f"| {', '.join(f'`{name}`' for name in heard.get(kind.detail_type, [])) or '-'} |"
        for kind in CATALOGUE.values()
    ]
    return "\n".join(
        [
            "# Events of the aftercare bus",
            "",
            "Facts that are told once, by `event_relay` alone. An event carries ids, times, numbers and words of a closed",
            "list, never a name, an address, free text or a link: who wants more reads the record. `detail.metadata` holds",
            "`id`, `version`, `occurred_at`, `told_at` and `correlation_id`; `detail.data` holds the fields below. One sample of",
            "each lies in `events/<source>/<detail-type>.json`.",
            "",
            "Put a rule of your own on the bus to hear them; several may come, in any order, and the same one twice.",
            "",
            "| detail-type | source | data | heard by |",
            "|---|---|---|---|",
            *rows,
            "",
            "What a store may send in the other direction: [store-events.md](store-events.md).",
            "",
        ]
    )


def test_the_events_page_is_the_catalogue():
    assert page("events.md") == events_page(), "run `python tests/contract/test_docs.py`"


def test_every_event_has_its_sample():
    for kind in CATALOGUE.values():
        assert (ROOT / "events" / kind.source / f"{kind.detail_type}.json").exists(), kind.detail_type


# ---------------------------------------------------------------- commands


def commands_of(text):
    """Every call of `aftercare` in code blocks and backticks, without comments."""
    blocks = "\n".join(re.findall(r"```\w*\n(.*?)```", text, re.S))
    inline = "\n".join(re.findall(r"`(aftercare [^`\n]+)`", text))
    return [line.split("#")[0].strip() for line in f"{blocks}\n{inline}".splitlines() if line.strip().startswith("aftercare ")]


CALLS = sorted({(path.relative_to(ROOT), call) for path in PAGES for call in commands_of(path.read_text(encoding="utf-8"))})


@pytest.mark.parametrize(("path", "call"), CALLS, ids=[f"{path}: {call}" for path, call in CALLS])
def test_a_command_that_a_page_names_exists(path, call):
    _, *arguments = shlex.split(call)
    if arguments == ["--help"]:
        return
    if len(arguments) == 1 or arguments[1:] in (["check"], ["preview"]):
        assert arguments[0] in WORDS
        return
    try:
        parser().parse_args(arguments)
    except SystemExit:
        # A sentence may name the beginning of a call; then what it names must at least be there.
        assert arguments[0] in WORDS
        assert arguments[1] in help_of(arguments[0])


def help_of(word, *more):
    import contextlib
    import io

    printed = io.StringIO()
    with contextlib.redirect_stdout(printed), pytest.raises(SystemExit) as ended:
        parser().parse_args([word, *more, "--help"])
    assert ended.value.code == 0
    return printed.getvalue()


@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_a_help_with_examples(word):
    text = help_of(word)
    assert "examples:" in text
    assert f"aftercare {word}" in text


@pytest.mark.parametrize("word", WORDS)
def test_the_examples_of_a_help_text_can_be_called(word):
    for line in help_of(word).partition("examples:")[2].splitlines():
        call = re.split(r"\s{3,}|  #", line.strip())[0]
        if call.startswith("aftercare "):
            parser().parse_args(shlex.split(call)[1:])


def test_the_make_targets_that_the_readme_names_exist():
    targets = set(re.findall(r"^([a-z]+):.*##", (ROOT / "Makefile").read_text(encoding="utf-8"), re.M))
    code = re.findall(r"`[^`]+`|```.*?```", (ROOT / "README.md").read_text(encoding="utf-8"), re.S)
    named = set(re.findall(r"\bmake ([a-z]+)\b", "\n".join(code)))
    assert named <= targets


@pytest.mark.parametrize("path", PAGES, ids=[str(path.relative_to(ROOT)) for path in PAGES])
def test_every_link_to_a_file_leads_there(path):
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", text) + re.findall(r'src="([^"]+)"', text)
    for link in links:
        if not link.startswith("https://"):
            assert (path.parent / link).exists(), link


def test_pictures_are_small():
    for picture in (DOCS / "pictures").iterdir():
        assert picture.stat().st_size < 200_000, picture.name


if __name__ == "__main__":
    (DOCS / "events.md").write_text(events_page(), encoding="utf-8")
