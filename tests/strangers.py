"""What a stranger may type into a form, and what a mail programme finds in a message made from it."""

import re
from collections import Counter
from html.parser import HTMLParser

INJECTIONS = {
    "markup": "<script>alert(1)</script><img src=x onerror=alert(1)>",
    "attribute": '"><a href="javascript:alert(1)">x</a>',
    "template": "{{7*7}}{{ brand.name.__class__.__mro__ }}{% for x in range(9) %}{% endfor %}",
    "format": "{order}{0.__class__}%s%(name)s",
    "header": "x\r\nBcc: everyone@example.com\r\n\r\nbody",
    "null": "a\x00b",
    "direction": "\u202egnp.exe\u2066",
    "address": "https://evil.example/pay",
}

PAYLOADS = {
    **INJECTIONS,
    "template": "{{ 91*89 }}{% for x in range(9) %}8099{% endfor %}{{ brand.name.__class__.__mro__ }}${91*89}<%= 91*89 %>",
    "script link": "javascript:alert(1) data:text/html,<b>x</b> vbscript:x",
    "formula": "=cmd|'/c calc'!A1",
    "sum": "+91*89@SUM(1)-2",
    "terminal": "\x1b[2J\x1b]0;pwned\x07\x9b31m",
    "comment": "--><!-- ]]> <![CDATA[ </style></script></textarea></title><svg/onload=alert(1)>",
    "lone": "\u2028\u2029\u0085\ufeff\u200b",
}

BAD = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069\u2028\u2029]")
"""Signs that no text of ours has: they would move a terminal, break a line or turn the text around."""


class Page(HTMLParser):
    def __init__(self, html):
        super().__init__()
        self.tags, self.texts = [], []
        self.feed(html)

    def handle_starttag(self, tag, attrs):
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data):
        self.texts.append(data)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())

    @property
    def links(self):
        return [given["href"] for tag, given in self.tags if tag == "a"]


def unnamed(text):
    """Without the names that are made from a whole body, which is another one here: tokens, and messages' short names.

    And without a marked text as a value in a link's query, where it has none of the signs that part a link.
    """
    text = re.sub(r"\bKq([0-9]+z)?%20[\w%.~-]*", "…", text)
    text = re.sub(r"(…:[0-9]+,?)+", "…", text)
    return re.sub(r"(?<=[#/])[\w-]{60,}|(?<=[#-])[a-z2-7]{32}", "…", text)


ACTS = ("href", "src", "action", "formaction", "style", "data", "poster", "content", "http-equiv", "target", "sandbox")


def structure(html):
    """Tags with their attributes' names, and what an attribute may load, open or run; a document in one is looked into."""
    found = []
    for tag, given in Page(html).tags:
        acts = [(n, unnamed(value or "")) for n, value in sorted(given.items()) if n in ACTS or n.startswith("on")]
        found.append((tag, sorted(given), acts, structure(given.get("srcdoc") or "")))
    return found


def links(text):
    return Counter(map(unnamed, re.findall(r"https?://[^\s\"<>]+", text)))
