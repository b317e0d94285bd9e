"""The raw message, read back by the standard library as a mail programme reads it."""

import re
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes, policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr

import pytest

from message_gate.mime import BadHeader, Envelope, build, check
from message_gate.render import Rendered

DATE = datetime(2026, 3, 2, 9, 15, 31, 250000, tzinfo=UTC)
ENVELOPE = Envelope("orders@larkfield.example", "Larkfield", "anna@example.com", "hello@larkfield.example", "m" * 32, DATE)
LONG = "Grüße " * 200
MESSAGE = Rendered(
    subject="Danke, Jürgen: Bestellung #1070 ist bestätigt 🙂",
    html=f'<!doctype html>\n<html lang="de"><p>5 = 5 · {LONG}</p>\n.\n</html>\n',
    text=f"Hallo Jürgen,\n\n5 = 5 und 44,60\xa0€\n.\n--=_{'m' * 32}\nFrom here on \n{LONG}\n",
    template_version="order-confirmation.de@0123456789ab",
    headers={
        "Auto-Submitted": "auto-generated",
        "List-Unsubscribe": f"<https://post.larkfield.example/u/{'A' * 150}>",
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": '"Larkfield: Erinnerungen für Sie" <reminders.larkfield.example>',
    },
)


def read(message=MESSAGE, envelope=ENVELOPE):
    back = message_from_bytes(build(message, envelope), policy=policy.SMTP)
    assert isinstance(back, EmailMessage)
    assert [d for part in back.walk() for d in part.defects] == []
    return back


def test_every_header_is_read_back_as_it_was_meant():
    back = read()
    assert back["Subject"] == MESSAGE.subject
    assert str(back["From"]) == "Larkfield <orders@larkfield.example>"
    assert (back["To"], back["Reply-To"]) == ("anna@example.com", "hello@larkfield.example")
    assert back["Date"].datetime == DATE.replace(microsecond=0)
    assert back["Message-ID"] == f"<{'m' * 32}@larkfield.example>"
    assert back["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert back["List-Unsubscribe"] == MESSAGE.headers["List-Unsubscribe"]
    assert back["List-Id"].endswith("<reminders.larkfield.example>")
    assert "Erinnerungen für Sie" in back["List-Id"]
    assert back["Auto-Submitted"] == "auto-generated"
    assert back["MIME-Version"] == "1.0"
    assert [name for name in back if name.startswith("X-")] == []
    assert len(set(back.keys())) == len(back.keys())


def test_both_parts_come_back_whole_text_first():
    back = read()
    assert back.get_content_type() == "multipart/alternative"
    text, html = back.iter_parts()
    assert [(p.get_content_type(), p.get_content_charset()) for p in (text, html)] == [
        ("text/plain", "utf-8"),
        ("text/html", "utf-8"),
    ]
    for part, meant in ((text, MESSAGE.text), (html, MESSAGE.html)):
        assert part.get_content().replace("\r\n", "\n").rstrip("\n") == meant.rstrip("\n")


def test_the_message_is_seven_bit_with_short_lines_ended_by_crlf():
    raw = build(MESSAGE, ENVELOPE)
    assert raw.isascii()
    assert re.search(rb"(?<!\r)\n|\r(?!\n)", raw) is None
    head, _, body = raw.partition(b"\r\n\r\n")
    assert max(map(len, head.split(b"\r\n"))) <= 998
    assert max(map(len, body.split(b"\r\n"))) <= 78
    subject = re.search(rb"^Subject:.*?(?=\r\n\S)", head, re.MULTILINE | re.DOTALL).group(0)
    assert max(map(len, subject.split(b"\r\n"))) <= 78


def test_it_says_the_same_as_one_that_the_standard_library_builds():
    theirs = EmailMessage(policy=policy.SMTP)
    theirs["From"] = "Larkfield <orders@larkfield.example>"
    theirs["Subject"] = MESSAGE.subject
    theirs.set_content(MESSAGE.text)
    theirs.add_alternative(MESSAGE.html, subtype="html")
    again = message_from_bytes(theirs.as_bytes(), policy=policy.SMTP)
    ours = read()
    assert (ours["Subject"], str(ours["From"])) == (again["Subject"], str(again["From"]))
    assert [p.get_content().rstrip() for p in ours.iter_parts()] == [p.get_content().rstrip() for p in again.iter_parts()]


def test_the_same_message_is_the_same_bytes():
    assert build(MESSAGE, ENVELOPE) == build(replace(MESSAGE), replace(ENVELOPE))


@pytest.mark.parametrize("name", ["Larkfield", 'Lark "& field', "Lärkfeld & Söhne", "Lark, Field; Co.", "ラーク" * 15])
def test_the_brands_name_is_what_the_inbox_shows(name):
    raw = message_from_bytes(build(MESSAGE, replace(ENVELOPE, sender_name=name)), policy=policy.compat32)["From"]
    shown, address = parseaddr(raw.replace("\r\n", ""))
    assert str(make_header(decode_header(shown))) == name
    assert address == "orders@larkfield.example"


@pytest.mark.parametrize("subject", ["Order #1070", "=?utf-8?q?forged?=", "x" * 300, "ü" * 300, "a\tb", "ends with space "])
def test_any_subject_of_one_line_comes_back(subject):
    assert " ".join(str(read(replace(MESSAGE, subject=subject))["Subject"]).split()) == " ".join(subject.split())


@pytest.mark.parametrize("bad", ["a\r\nBcc: x@example.com", "a\nb", "a\rb", "a\x00b", "x" * 999])
def test_a_header_with_a_line_break_a_null_or_too_long_is_refused_by_name_and_without_its_value(bad):
    for name, make in (
        ("Subject", lambda: check(replace(MESSAGE, subject=bad))),
        ("List-Unsubscribe", lambda: check(replace(MESSAGE, headers={"List-Unsubscribe": bad}))),
        ("From", lambda: replace(ENVELOPE, sender_name=bad)),
        ("To", lambda: replace(ENVELOPE, recipient=bad)),
        ("Reply-To", lambda: replace(ENVELOPE, reply_to=bad)),
        ("From", lambda: replace(ENVELOPE, sender=bad)),
        ("Message-ID", lambda: replace(ENVELOPE, message_id=bad)),
    ):
        with pytest.raises(BadHeader, match=rf"^{name}: expected") as caught:
            make()
        assert "Bcc" not in str(caught.value)


@pytest.mark.parametrize(
    "address", ["", "nobody", "a@b@c.example", "a b@c.example", "a@c.example, b@c.example", "jürgen@c.example"]
)
def test_only_one_ascii_address_is_a_recipient(address):
    with pytest.raises(BadHeader, match=r"^To: expected one e-mail address"):
        replace(ENVELOPE, recipient=address)


def test_a_header_name_cannot_carry_another_header():
    with pytest.raises(BadHeader):
        check(replace(MESSAGE, headers={"X: y\r\nBcc": "z"}))
