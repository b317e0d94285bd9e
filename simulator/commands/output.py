"""What a run writes for people to open: each mail as HTML, text and .eml, and the report."""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterable
from pathlib import Path

from simulator.commands.last_run import LastRun
from simulator.commands.world import Mail, Short
from simulator.report.page import Letter, render

_KINDS = {"text": "Text message", "push": "Notification", "chat": "WhatsApp message"}


def write_messages(folder: Path, mails: Iterable[Mail], names: dict[str, str]) -> list[Path]:
    """Each mail as three files, numbered in the order of sending; `names` gives the message's key by its short id."""
    if folder.exists():
        shutil.rmtree(folder)
    folder.mkdir(parents=True)
    written = []
    for n, mail in enumerate(mails, 1):
        key = names.get(mail.message_id, mail.message_id)
        stem = f"{n:02d}-{_file_name(key)}"
        for suffix, content in ((".html", mail.html.encode()), (".txt", mail.text.encode()), (".eml", mail.raw)):
            (folder / f"{stem}{suffix}").write_bytes(content)
        written.append(folder / f"{stem}.html")
    return written


def _file_name(key: str) -> str:
    """A message's key as a file's name: template and what it is about, without the shop's domain."""
    template, _, about = key.partition("#")
    short = about.rpartition(":")[2] if about.count(":") == 1 else "-".join(about.split(":")[1:]) or about
    return re.sub(r"[^a-z0-9]+", "-", f"{template}-{short}".lower()).strip("-")[:60]


def write_report(path: Path, run: LastRun, mails: Iterable[Mail], shorts: Iterable[Short] = ()) -> Path:
    from simulator.commands.timeline import told

    letters = [Letter(m.message_id, m.at, m.subject, m.html, m.text) for m in mails]
    letters += [Letter(s.message_id, s.at, _KINDS[s.kind], "", s.body) for s in shorts]
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(render(told(run, letters)), encoding="utf-8")
    return path
