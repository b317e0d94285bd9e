"""`aftercare templates`: whether every message can be written as it should, and what each looks like."""

from __future__ import annotations

import argparse
from pathlib import Path
from typing import Any

from simulator.commands import options
from simulator.commands.problem import BadInput
from simulator.commands.terminal import complain, say, say_json

GATE = "message_gate"


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "templates",
        run,
        "check every template against the brand's rules, or preview one with sample content",
        """\
  aftercare templates check                                  exits 1 on an error
  aftercare templates check order-confirmation               while you edit one: seconds instead of a minute
  aftercare templates preview order-confirmation             in every language, below build/templates/
  aftercare templates preview order-confirmation --locale de --sample several-kinds
  aftercare templates preview order-confirmation --tone formal
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="check|preview", required=True, parser_class=type(parser))
    check = verbs.add_parser("check", help="avoided words, missing reply-to, urgency, missing variables, languages, links")
    check.add_argument("only", nargs="*", metavar="template", help="only these templates' messages (default: all)")
    preview = verbs.add_parser("preview", help="write HTML and text with sample content and print the paths")
    preview.add_argument("template", help="the template's name, such as order-confirmation")
    preview.add_argument("--locale", help="one language (default: every language of brand.yaml)")
    preview.add_argument("--sample", help="sample content, or `all` (default: the usual one)")
    preview.add_argument(
        "--tone", help="formal, friendly, technical, empathetic, or `all` it has words for (default: as it would be chosen)"
    )
    preview.add_argument("--to", type=Path, default=options.BUILD / "templates", metavar="FOLDER", help="default: %(default)s")
    for each in (check, preview):
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    return _check(arguments) if arguments.verb == "check" else _preview(arguments)


def _ask(event: dict[str, Any]) -> dict[str, Any]:
    """What the gate answers to an invocation by hand; it needs nothing outside itself for these."""
    from simulator.commands.world import ask

    answer = ask(GATE, event)
    if not isinstance(answer, dict):
        raise BadInput("templates: the gate did not answer")
    if "error" in answer:
        raise BadInput(str(answer["error"]))
    return answer


def _check(arguments: argparse.Namespace) -> int:
    answer = _ask({"templates": "check", "only": arguments.only})
    if arguments.json:
        say_json(answer)
    else:
        for each in answer["findings"]:
            mark = "" if each["level"] == "error" else "warning: "
            say(f"{each['file']}: {each['where']}: {mark}{each['what']}; expected {each['expected']}")
        say(f"{len(answer['findings'])} findings")
    return 0 if answer["ok"] else 1


def _preview(arguments: argparse.Namespace) -> int:
    from aftercare.brand import brand
    from aftercare.content import ContentError

    try:
        locales = list(brand().locales) if arguments.locale is None else [arguments.locale]
    except ContentError as error:
        raise BadInput(str(error)) from error
    written: list[dict[str, Any]] = []
    for locale in locales:
        asked: dict[str, Any] = {"templates": "preview", "template": arguments.template, "locale": locale}
        if arguments.tone not in (None, "all"):
            asked["tone"] = arguments.tone
        first = _ask(asked if arguments.sample in (None, "all") else {**asked, "sample": arguments.sample})
        if locale != first["locale"] or first["words"].partition("-")[0] != first["locale"].partition("-")[0]:
            complain(f"locale {locale}: written as {first['locale']}, in the words of {first['words']}: {first['because']}")
        for sample in first["samples"] if arguments.sample == "all" else [first["sample"]]:
            for tone in first["tones"] if arguments.tone == "all" else [None]:
                one = _ask({**asked, "sample": sample, **({"tone": tone} if tone else {})})
                written += _write(arguments.to, one, arguments.tone is not None)
    if arguments.json:
        say_json({"written": written})
    else:
        for each in written:
            short = each.get("sms")
            say(f"{each['path']}   {_takes(short)}" if short else each["path"])
    return 0


def _takes(short: dict[str, Any]) -> str:
    return f"{short['segments']} segment{'' if short['segments'] == 1 else 's'}, {short['units']} {short['encoding']} characters"


def _write(folder: Path, preview: dict[str, Any], by_tone: bool) -> list[dict[str, Any]]:
    """The message's parts under the locale that it is written in, whatever was asked for."""
    folder.mkdir(parents=True, exist_ok=True)
    named = {
        name: str(preview[name]) for name in ("template", "sample", "tone", "subject", "asked", "locale", "words", "because")
    }
    found: list[dict[str, Any]] = []
    tone = f".{named['tone']}" if by_tone else ""
    for suffix, part in ((".html", "html"), (".txt", "text")):
        path = folder / f"{named['template']}.{named['sample']}.{named['locale']}{tone}{suffix}"
        path.write_text(preview[part], encoding="utf-8")
        found.append({**named, "path": str(path)})
    short = preview["sms"]
    if short:
        path = folder / f"{named['template']}.{named['sample']}.{named['locale']}{tone}.sms.txt"
        path.write_text(f"{short['text']}\n", encoding="utf-8")
        takes = {name: short[name] for name in ("encoding", "units", "segments")}
        found.append({**named, "path": str(path), "sms": takes})
    return found
