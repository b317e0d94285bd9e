"""A message's HTML as its reader and their mail programme find it: addresses, words, colours, pictures, buttons.

Addresses are looked for wherever a programme would follow one: attributes, style sheets, conditional comments, and running
text, in which programmes make links of what looks like one.
"""

import html
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, replace
from html.parser import HTMLParser

from aftercare.weblink import NotHttps, https

LEAST_CONTRAST = 4.5
"""Between text and what lies behind it (WCAG 2.2, 1.4.3)."""

_ADDRESSES = frozenset(
    [
        "action",
        "archive",
        "background",
        "cite",
        "classid",
        "code",
        "codebase",
        "data",
        "dynsrc",
        "formaction",
        "href",
        "icon",
        "longdesc",
        "lowsrc",
        "manifest",
        "ping",
        "poster",
        "profile",
        "src",
        "usemap",
        "xlink:href",
    ]
)
_LISTS = frozenset(("srcset", "imagesrcset"))
_VOID = frozenset(["area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "track", "wbr"])
_INLINE = frozenset(
    ["a", "abbr", "b", "big", "em", "font", "i", "mark", "s", "small", "span", "strong", "sub", "sup", "u", "wbr"]
)
_ACTIVE = frozenset(
    [
        "script",
        "iframe",
        "frame",
        "form",
        "object",
        "embed",
        "applet",
        "base",
        "input",
        "button",
        "textarea",
        "select",
        "video",
        "audio",
        "svg",
        "math",
    ]
)
_CSS_CODE = re.compile(r"expression\s*\(|behaviou?r\s*:|-moz-binding", re.IGNORECASE)
_CSS_ADDRESS = re.compile(
    r"""(?:url|src)\(\s*(?:"([^"]*)"|'([^']*)'|([^)"']*))\s*\)|@import\s*(?:"([^"]*)"|'([^']*)')|image(?:-set)?\(\s*(?:"([^"]*)"|'([^']*)')""",
    re.IGNORECASE,
)
_RUNNING = re.compile(
    r"""(?<![\w.+-])(?!https://)[a-z][a-z0-9+.-]*://[^\s<>"']*
    |(?<![\w.+-])(?:javascript|vbscript|mailto|tel|sms|skype|whatsapp|callto|intent|blob|file|view-source|livescript|mhtml):(?=\S)[^\s<>"']+
    |(?<![\w.+-])data:[\w.+-]*(?:/[\w.+-]+)?(?:;[\w=.+-]+)*,[^\s<>"']*
    |(?<![\w:/])//[a-z0-9-]+(?:\.[a-z0-9-]+)+[^\s<>"']*
    |(?<![\w./@-])www\.[a-z0-9-]+\.[a-z][^\s<>"']*""",
    re.IGNORECASE | re.VERBOSE,
)


def running(text: str) -> Iterator[tuple[str, int]]:
    """Addresses in running text that are not https, each with its place."""
    if ":" in text or "//" in text or "www" in text.lower():
        for found in _RUNNING.finditer(text):
            yield found[0], found.start()


def of_style(css: str) -> Iterator[str]:
    """All addresses in a style, however they are written there."""
    plain = re.sub(r"/\*.*?\*/", "", css, flags=re.DOTALL)
    plain = re.sub(r"\\([0-9a-fA-F]{1,6})\s?", lambda found: chr(min(int(found[1], 16), 0x10FFFF)), plain)
    plain = re.sub(r"\\(.)", r"\1", plain)
    for found in _CSS_ADDRESS.finditer(plain):
        yield next(part for part in found.groups() if part is not None).strip()
    if _CSS_CODE.search(plain):
        yield "code in a style"


def source_addresses(source: str, allowed: Collection[str]) -> Iterator[tuple[str, int]]:
    """Addresses that are not https in a template's own text, in every branch, each with its line.

    What is filled in is checked where it is made; here it only must not stand where a scheme would.
    """
    drop = re.compile(r"\{#.*?#\}|<!doctype[^>]*>|\sxmlns(?::\w+)?\s*=\s*(?:\"[^\"]*\"|'[^']*')", re.DOTALL | re.IGNORECASE)
    kept = drop.sub(lambda gone: re.sub(r"[^\n]", " ", gone[0]), source)
    joined = re.sub(r"\{%.*?%\}", lambda gone: "\n" * gone[0].count("\n"), kept, flags=re.DOTALL)
    filled = re.sub(r"\{\{.*?\}\}", lambda gone: _SLOT + "\n" * gone[0].count("\n"), joined, flags=re.DOTALL)
    page = MailPage(filled)
    seen = []
    for url, line in page.addresses:
        if not _filled_in(url) and not good(url, allowed):
            seen.append((url.replace(_SLOT, "{{…}}"), line))
    for text in (kept, html.unescape(joined)):
        seen += [(url, text.count("\n", 0, at) + 1) for url, at in running(text) if not good(url, allowed)]
    yield from dict.fromkeys(seen)


_SLOT = "slot-of-a-template"


def _filled_in(url: str) -> bool:
    rest = url.replace(_SLOT, "x") if url.startswith("https://") else url.removeprefix(_SLOT) if url.startswith(_SLOT) else None
    return rest is not None and (rest == "" or rest[0] in "/?#&" or good(rest, ()))


def good(url: str, allowed: Collection[str]) -> bool:
    """An https address, or one of the ways to reach support that are allowed by name."""
    try:
        https(url)
    except NotHttps:
        return url.partition("?")[0] in allowed
    return True


# ---------------------------------------------------------------- colours

_NAMED = {"white": "#ffffff", "black": "#000000"}
_COLOUR = r"#[0-9a-fA-F]{6}\b|#[0-9a-fA-F]{3}\b|\bwhite\b|\bblack\b"


def _luminance(colour: str) -> float:
    """Relative luminance from 0 (black) to 1 (white), as WCAG 2.2 defines it."""
    parts = [int(colour[n : n + 2], 16) / 255 for n in (1, 3, 5)]
    red, green, blue = (part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    """The ratio of two colours `#rrggbb`, from 1 to 21 (WCAG 2.2)."""
    dark, light = sorted((_luminance(one), _luminance(other)))
    return (light + 0.05) / (dark + 0.05)


def _colour(css: str, field: str) -> str | None:
    found = re.findall(rf"(?:^|[;\s{{]){field}\s*:[^;]*?({_COLOUR})", css)
    if not found:
        return None
    colour = _NAMED.get(found[-1], found[-1]).lower()
    return colour if len(colour) == 7 else "#" + "".join(sign * 2 for sign in colour[1:])


@dataclass(frozen=True, slots=True)
class Look:
    """How text looks at one place of the page; `dark` is the same for a reader in a dark mode."""

    tag: str = ""
    colour: str = "#000000"
    ground: str = "#ffffff"
    dark_colour: str = "#000000"
    dark_ground: str = "#ffffff"
    hidden: bool = False
    silent: bool = False
    """Not read out: decoration."""


@dataclass(frozen=True, slots=True)
class Shown:
    text: str
    look: Look


# ---------------------------------------------------------------- the page


class MailPage(HTMLParser):
    """Everything that the checks ask of a page, gathered in one reading."""

    def __init__(self, source: str) -> None:
        super().__init__()
        self.addresses: list[tuple[str, int]] = []
        self.links: list[str] = []
        self.lang: str | None = None
        self.without_alt = 0
        self.buttons: list[bool] = []
        """One for each; true for the big one."""
        self.active: list[str] = []
        self.shown: list[Shown] = []
        self.blocks: list[str] = [""]
        """Its visible words and alt texts, block by block."""
        self.preheader = ""
        self._looks = [Look()]
        self._dark: Mapping[str, str] = {}
        self._line = 0
        self.feed(source)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        self._gather(tag, given)
        look = self._dressed(tag, given)
        if tag not in _VOID:
            self._looks.append(look)
        if tag not in _INLINE:
            self.blocks.append("")
        if tag == "html":
            self.lang = given.get("lang")
        if tag == "img":
            self.without_alt += not given.get("alt")
            self.blocks[-1] += f" {given.get('alt', '')} "
        if tag == "a":
            self.links.append(given.get("href", ""))
            classes = given.get("class", "").split()
            # A row of choices (class f) is one question, not so many buttons.
            if "b" in classes or ("display:block" in given.get("style", "") and "f" not in classes):
                self.buttons.append("b" in classes)

    def _gather(self, tag: str, given: Mapping[str, str]) -> None:
        line = self._line + self.getpos()[0]
        self.active += [tag] if tag in _ACTIVE or (tag == "meta" and given.get("http-equiv", "").lower() == "refresh") else []
        for name, value in given.items():
            plain = re.sub(r"[\x00-\x20\x7f\xad\u200b-\u200f\ufeff]", "", unicodedata.normalize("NFKC", value))
            if name.startswith("on"):
                self.active.append(name)
            elif name in _ADDRESSES:
                self.addresses.append((plain if plain != value and not good(plain, ()) else value, line))
            elif name in _LISTS:
                self.addresses += [(part.split()[0], line) for part in value.split(",") if part.strip()]
            elif name == "style":
                self.addresses += [(url, line) for url in of_style(value)]
            elif not name.startswith("xmlns"):
                self.addresses += [(url, line) for url, _ in running(value)]

    def _dressed(self, tag: str, given: Mapping[str, str]) -> Look:
        style, above = given.get("style", ""), self._looks[-1]
        colour, ground = (
            _colour(style, "color"),
            _colour(style, "background(?:-color)?") or _colour(f"x:{given.get('bgcolor', '')}", "x"),
        )
        if tag == "a" and not colour:
            colour = "#0000ee"
        look = replace(above, tag=tag)
        if colour:
            look = replace(look, colour=colour, dark_colour=colour)
        if ground:
            look = replace(look, ground=ground, dark_ground=ground)
        for name in given.get("class", "").split():
            rule = self._dark.get(name, "")
            look = replace(
                look,
                dark_colour=_colour(rule, "color") or look.dark_colour,
                dark_ground=_colour(rule, "background(?:-color)?") or look.dark_ground,
            )
        hidden = bool(re.search(r"display\s*:\s*none|visibility\s*:\s*hidden", style)) or "hidden" in given
        return replace(look, hidden=above.hidden or hidden, silent=above.silent or given.get("aria-hidden") == "true")

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in _VOID:
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag not in _INLINE:
            self.blocks.append("")
        for place in range(len(self._looks) - 1, 0, -1):
            if self._looks[place].tag == tag:
                del self._looks[place:]
                return

    def handle_data(self, data: str) -> None:
        look = self._looks[-1]
        if look.tag == "style":
            line = self._line + self.getpos()[0]
            self.addresses += [(url, line) for url in of_style(data)]
            self._dark = dict(re.findall(r"\.([\w-]+)\s*\{([^{}]*)\}", data.partition("prefers-color-scheme:dark")[2]))
        elif look.hidden:
            self.preheader = self.preheader or " ".join(re.sub(r"[\u200c\xa0\u034f]", " ", data).split())
        elif look.tag != "title" and data.strip():
            self.blocks[-1] += data
            self.shown.append(Shown(data, look))

    def handle_comment(self, data: str) -> None:
        """What stands in a conditional comment is a page of its own to the programme that it is for."""
        inside = re.fullmatch(r"\[if[^\]]*\]>(.*)<!\[endif\]", data, re.DOTALL)
        if inside:
            other = MailPage(inside[1])
            first = self.getpos()[0] - 1
            self.addresses += [(url, first + line) for url, line in other.addresses]
            self.active += other.active
            self.without_alt += other.without_alt

    def too_faint(self) -> Iterator[tuple[str, str]]:
        """Text that is hard to read, with what it lies on: each pair of colours once, by day and in a dark mode."""
        told = set[tuple[str, str]]()
        for shown in self.shown:
            look = shown.look
            modes = (("", look.colour, look.ground), ("in dark mode ", look.dark_colour, look.dark_ground))
            for mode, colour, ground in modes if re.search(r"\w", shown.text) else ():
                ratio = contrast(colour, ground)
                if ratio < LEAST_CONTRAST and (colour, ground) not in told:
                    told.add((colour, ground))
                    yield f"contrast {ratio:.1f} {mode}of {colour} on {ground}", " ".join(shown.text.split())[:40]
