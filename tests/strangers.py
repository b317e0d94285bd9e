"""What a stranger may type into a form, and what a mail programme finds in a message made from it."""

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
