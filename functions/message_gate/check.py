"""What is wrong with the files that messages are made of, before a customer sees it; and what a message looks like.

`check` renders every template in every language with every sample and reads the result as a mail programme would; it also
reads the words as an editor would. Each finding names file, place, what is there and what was expected.
"""

import json
import re
import traceback
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, Literal

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.meta import find_referenced_templates
from pydantic import BaseModel

from aftercare.brand import Brand, Logo, brand
from aftercare.catalogue import Catalogue, catalogue
from aftercare.consent import Purpose
from aftercare.content import ContentError, read_content
from aftercare.language import pick
from aftercare.model import Model
from aftercare.weblink import NotHttps, https
from message_gate import mime, samples
from message_gate.hours import hours_book
from message_gate.letter import LONGEST_SUBJECT
from message_gate.notices import NOTICES
from message_gate.render import LARGEST_HTML, CannotRender, Rendered, TooLarge, render
from message_gate.sms import LADDER, VALUES, render_sms
from message_gate.stationery import (
    SHARED,
    MissingWord,
    Register,
    Stationery,
    TemplateEntry,
    placeholders,
    read_phrases,
    stationery,
)
from message_gate.view import VIEWS, NothingToOffer

STRICTNESS = list(Purpose)
"""The purposes from the mildest ground to the strictest."""

OFFERS = (Purpose.REORDER, Purpose.PROMOTIONAL)
SMALLEST_TYPE = 16
NO_TEXTS = ("tone.address",)

Level = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Finding:
    """One fault. `where` is a line, a field or a sample in a language."""

    file: str
    where: str
    what: str
    expected: str
    level: Level = "error"


class Manners(Model):
    """manners.yaml."""

    urgency: dict[str, tuple[str, ...]]
    shaming: dict[str, tuple[str, ...]]


def check(files: Stationery | None = None, our: Brand | None = None, goods: Catalogue | None = None) -> list[dict[str, str]]:
    """All findings on the deployment's files (or those given), the same list for the same files. An empty list is good."""
    try:
        files, our, goods = files or stationery(), our or brand(), goods or catalogue()
        hours_book()
        found = list(dict.fromkeys(_findings(files, our, goods)))
    except ContentError as error:
        file, _, rest = str(error).partition(": ")
        field, _, expected = rest.partition(": ")
        found = [Finding(file, field, "not as it must be", expected or rest)]
    return [asdict(finding) for finding in found]


def _findings(files: Stationery, our: Brand, goods: Catalogue) -> Iterator[Finding]:
    manners = read_content(files.root / "manners.yaml", Manners)
    yield from _languages(our, goods, manners)
    yield from _register(files, goods)
    yield from _words(files, our)
    yield from _editing(files, our, goods, manners)
    yield from _type(files)
    yield from _messages(files, our, goods)
    yield from _text_messages(files, our, goods)


# ---------------------------------------------------------------- completeness


def _texts(thing: Any, path: str, locales: Iterable[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Every text per language in a content file, with its path. Addresses per language may be one for all."""
    if isinstance(thing, BaseModel):
        for name in type(thing).model_fields:
            yield from _texts(getattr(thing, name), f"{path}.{name}" if path else name, locales)
    elif isinstance(thing, Mapping) and path not in NO_TEXTS:
        texts = {key: value for key, value in thing.items() if isinstance(value, (str, tuple))}
        if texts and any(locale in texts for locale in locales):
            if not any(str(part).startswith("https://") for part in texts.values()):
                yield path, texts
        else:
            for key, value in thing.items():
                yield from _texts(value, f"{path}.{key}", locales)


def _languages(our: Brand, goods: Catalogue, manners: Manners) -> Iterator[Finding]:
    for file, content in (("brand.yaml", our), ("catalogue.yaml", goods)):
        for path, texts in _texts(content, "", our.locales):
            for locale in our.locales:
                if locale not in texts:
                    yield Finding(file, f"{path}.{locale}", "missing", f"a text, because brand.yaml has {locale} in locales")
    for kind in ("urgency", "shaming"):
        for locale in our.locales:
            if locale.partition("-")[0] not in getattr(manners, kind):
                yield Finding("manners.yaml", f"{kind}.{locale}", "missing", "the expressions of this language")


def _words(files: Stationery, our: Brand) -> Iterator[Finding]:
    """Each language has the same keys with the same placeholders."""
    for scope in files.places:
        by_locale: dict[str, dict[str, str]] = {}
        for locale in our.locales:
            path = scope / f"{SHARED}.{locale}.yaml"
            if path.exists():
                by_locale[locale] = read_phrases(path)
            else:
                yield Finding(_name(files, path), locale, "missing", "a words file for every language of brand.yaml")
        model = by_locale.get(our.default_locale, {})
        for locale, phrases in by_locale.items():
            file = _name(files, scope / f"{SHARED}.{locale}.yaml")
            for key in model.keys() - phrases.keys():
                yield Finding(file, key, "missing", f"a phrase, because {our.default_locale} has one")
            for key in phrases.keys() - model.keys():
                yield Finding(file, key, "not in the default language", f"a phrase in {our.default_locale} too, or none here")
            for key in sorted(model.keys() & phrases.keys()):
                here, there = placeholders(phrases[key]), placeholders(model[key])
                if here != there:
                    wanted = ", ".join(f"{{{name}}}" for name in sorted(there)) or "none"
                    yield Finding(file, _line(scope / f"{SHARED}.{locale}.yaml", key), f"{key}: other placeholders", wanted)


def _register(files: Stationery, goods: Catalogue) -> Iterator[Finding]:
    """templates.yaml, the views, the folders and the samples agree; no part needs a stricter ground than its template; offers
    give help."""
    register, root = files.register, files.root
    tried = {sample.template for sample in samples.samples(goods).values()}
    held = set[tuple[str, TemplateEntry]]()
    for name in sorted({*register.templates, *VIEWS}):
        if name not in VIEWS or name not in register.templates:
            yield Finding("templates.yaml", f"templates.{name}", "has no view" if name not in VIEWS else "missing", "both")
            continue
        if name not in tried:
            yield Finding("samples.py", name, "no sample", "at least one for every template")
        entry = register.templates[name]
        for kind in ("html", "txt"):
            path = root / files.form(name) / f"mail.{kind}"
            if not path.exists():
                what = "no text part" if kind == "txt" else "no HTML part"
                yield Finding(_name(files, path), "file", what, "every template has an HTML and a text part")
                continue
            if (str(path), entry) in held:
                continue
            held.add((str(path), entry))
            try:
                parts = sorted(set(_parts(files, path)))
            except TemplateSyntaxError as error:
                yield Finding(_name(files, path), f"line {error.lineno}", str(error.message), "a template that can be read")
                continue
            yield from _held_against(register, entry, _name(files, path), parts)


def _held_against(register: Register, entry: TemplateEntry, file: str, parts: list[str]) -> Iterator[Finding]:
    for part in parts:
        known = register.partials.get(part)
        if known is None:
            yield Finding("templates.yaml", f"partials.{part}", f"missing, {file} includes it", "its purpose")
        elif STRICTNESS.index(known.purpose) > STRICTNESS.index(entry.purpose) and part not in entry.carries:
            what = f"a {entry.purpose} message includes {part}, which is {known.purpose}"
            yield Finding(file, part, what, "no part of a stricter purpose (rule C13)")
    helps = any(part in register.partials and register.partials[part].gives == "help" for part in parts)
    if entry.purpose in OFFERS and not helps:
        yield Finding(file, "parts", "an offer without useful content", "a part that gives help")


def _parts(files: Stationery, path: Path) -> Iterator[str]:
    """The partials that a template includes, and theirs."""
    tree = files.text_files.parse(path.read_text(encoding="utf-8"), filename=str(path))
    for found in find_referenced_templates(tree):
        if found is None:
            raise TemplateSyntaxError("an include by a computed name: expected the name itself", 1, str(path), str(path))
        if found.startswith("partials/"):
            yield Path(found).stem
            if (files.root / found).exists():
                yield from _parts(files, files.root / found)


# ---------------------------------------------------------------- editing


def _editing(files: Stationery, our: Brand, goods: Catalogue, manners: Manners) -> Iterator[Finding]:
    """What the words themselves say."""
    for locale in our.locales:
        rules = list(_rules(our, manners, locale))
        for file, where, text in _sentences(files, our, goods, locale):
            for pattern, what, expected in rules:
                seen = pattern.search(text)
                if seen:
                    yield Finding(file, where, f"{what}: {seen.group(0)}", expected)


def _rules(our: Brand, manners: Manners, locale: str) -> Iterator[tuple[re.Pattern[str], str, str]]:
    language = locale.partition("-")[0]
    choice = our.words.get(locale) or our.words.get(language)
    for word in choice.avoid if choice else ():
        yield _whole(re.escape(word)), "avoided word", "another word: brand.yaml avoids it"
    for preferred, others in (choice.instead_of if choice else {}).items():
        for word in others:
            yield re.compile(rf"(?<![\w-]){re.escape(word)}(?![\w-])"), "other word", f"{preferred}, by brand.yaml"
    for pattern in manners.urgency.get(language, ()):
        yield _whole(pattern), "false urgency", "no pressure without a fact"
    for pattern in manners.shaming.get(language, ()):
        yield _whole(pattern), "shaming refusal", "a refusal in plain words"
    address = our.tone.address.get(locale)
    if language == "de" and address == "formal":
        yield _whole(r"du|dir|dich|dein(e|er|em|en|es)?|euch|euer|eure[mnrs]?"), "informal address", "Sie, by tone.address"
    if language == "de" and address == "informal":
        yield re.compile(r"(?<=[a-zäöüß,] )(Sie|Ihnen|Ihr(e|er|em|en|es)?)\b"), "formal address", "du, by tone.address"
    yield re.compile("!" * 2 + "|" + r"\b[A-ZÄÖÜ]{5,}( [A-ZÄÖÜ]{3,})+\b"), "shouting", "a calm sentence"


def _whole(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?<![\w-])(?:{pattern})(?![\w-])", re.IGNORECASE)


def _sentences(files: Stationery, our: Brand, goods: Catalogue, locale: str) -> Iterator[tuple[str, str, str]]:
    """All that is written for one language, with its place: words, content files, and what stands in templates themselves."""
    for scope in files.places:
        path = scope / f"{SHARED}.{locale}.yaml"
        if path.exists():
            for key, phrase in read_phrases(path).items():
                yield _name(files, path), _line(path, key), phrase
    for file, content in (("brand.yaml", our), ("catalogue.yaml", goods)):
        for where, texts in _texts(content, "", our.locales):
            if not where.startswith("words."):
                part = pick(texts, locale, our.default_locale)
                for text in (part,) if isinstance(part, str) else part:
                    yield file, f"{where}.{locale}", text
    for path in sorted(files.root.rglob("*")):
        if path.suffix in (".html", ".txt"):
            for number, source in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
                written = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<[^>]*>", " ", source)
                if re.search(r"[^\W\d_]{3}", written):
                    yield _name(files, path), f"line {number}", written


def _type(files: Stationery) -> Iterator[Finding]:
    """Nothing is too small to read on a phone."""
    for name, style in files.sheet.styles.items():
        for size in re.findall(r"font-size:(\d+)px", style):
            if int(size) < SMALLEST_TYPE:
                yield Finding("styles.yaml", f"styles.{name}", f"font-size {size}px", f"at least {SMALLEST_TYPE}px")


# ---------------------------------------------------------------- messages


class _Page(HTMLParser):
    """What a mail programme finds in the HTML part."""

    def __init__(self) -> None:
        super().__init__()
        self.links: list[str] = []
        self.lang: str | None = None
        self.without_alt = 0
        self.buttons = 0
        self.handlers: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.links += [given[name] or "" for name in ("href", "src") if name in given]
        self.handlers += [tag] if tag in ("script", "iframe", "form", "object") else []
        self.handlers += [name for name in given if name.startswith("on")]
        if tag == "html":
            self.lang = given.get("lang")
        if tag == "img" and not given.get("alt"):
            self.without_alt += 1
        if tag == "a" and "b" in (given.get("class") or "").split():
            self.buttons += 1


def _messages(files: Stationery, our: Brand, goods: Catalogue) -> Iterator[Finding]:
    pictured = our if our.logo else our.model_copy(update={"logo": Logo(url="https://example.com/logo.png", width=160)})
    for name, sample in samples.samples(goods).items():
        if not (files.root / files.form(sample.template) / "mail.html").exists() or not files.locales(sample.template):
            continue
        for locale in our.locales:
            for dressed in (our, pictured) if name == "usual" else (our,):
                rendered = _tried(files, dressed, goods, sample, locale, f"sample {name}, {locale}")
                if isinstance(rendered, Finding):
                    yield rendered
                else:
                    yield from _read(rendered, sample, our, files.form(sample.template), f"sample {name}, {locale}")


def _tried(
    files: Stationery, our: Brand, goods: Catalogue, sample: samples.Sample, locale: str, where: str
) -> Rendered | Finding:
    file = f"{files.form(sample.template)}/mail.html"
    try:
        return mime.check(
            render(
                sample.proposal(),
                sample.customer,
                sample.order,
                our,
                goods,
                samples.link,
                samples.SETTINGS,
                locale,
                sample.include,
                sample.promotional,
                files,
            )
        )
    except UndefinedError as error:
        return Finding(*_place(files, error, file), f"missing variable: {error.message}", "a variable of the view")
    except TemplateError as error:
        return Finding(*_place(files, error, file), str(error.message), "a template that can be read")
    except MissingWord as error:
        return Finding(f"{sample.template}/words", where, f"missing word or placeholder: {error.args[0]}", "it in every language")
    except NotHttps as error:
        return Finding(file, where, "an address that is not https", str(error))
    except TooLarge as error:
        return Finding(file, where, str(error), f"at most {LARGEST_HTML} bytes")
    except (mime.BadHeader, NothingToOffer, KeyError) as error:
        return Finding(file, where, str(error), "a message that can be sent")


def _place(files: Stationery, error: TemplateError, otherwise: str) -> tuple[str, str]:
    """File and line of a template's fault."""
    if isinstance(error, TemplateSyntaxError):
        return _name(files, Path(error.filename or otherwise)), f"line {error.lineno}"
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename.startswith(str(files.root)):
            return _name(files, Path(frame.filename)), f"line {frame.lineno}"
    return otherwise, "line unknown"


def _read(rendered: Rendered, sample: samples.Sample, our: Brand, form: str, where: str) -> Iterator[Finding]:
    """The rendered message, as its reader and their mail programme get it."""
    html_file, text_file = f"{form}/mail.html", f"{form}/mail.txt"
    page = _Page()
    page.feed(rendered.html)
    for link in page.links:
        try:
            https(link)
        except NotHttps as error:
            yield Finding(html_file, where, f"link {link[:60]!r}", str(error))
    if page.handlers:
        yield Finding(html_file, where, f"active content: {page.handlers[0]}", "markup that only shows")
    if page.without_alt:
        yield Finding(html_file, where, "a picture without alt text", "alt on every img")
    if not page.lang:
        yield Finding(html_file, where, "no lang on html", "the language, for screen readers")
    if page.buttons != 1:
        yield Finding(html_file, where, f"{page.buttons} big buttons", "one clear action", "warning")
    size = len(rendered.html.encode())
    if size > LARGEST_HTML:
        yield Finding(html_file, where, f"{size} bytes", f"at most {LARGEST_HTML}: Gmail cuts the rest off")
    if not rendered.text.strip() or re.search(r"</?(p|div|td|a|br)\b", rendered.text):
        yield Finding(text_file, where, "no readable text", "a text part without markup")
    if not rendered.subject.strip():
        yield Finding(f"{sample.template}/words", where, "no subject", "a subject")
    elif len(rendered.subject) > LONGEST_SUBJECT and sample.order.name == sample.order.name.strip()[:20]:
        what = f"subject of {len(rendered.subject)} characters"
        yield Finding(f"{sample.template}/words", where, what, f"at most {LONGEST_SUBJECT}: phones show no more", "warning")
    if rendered.text.count("!") > our.tone.exclamation_marks and "hostile" not in where:
        yield Finding(text_file, where, f"{rendered.text.count('!')} exclamation marks", f"at most {our.tone.exclamation_marks}")
    yield from _ways_out(rendered, sample, our, html_file, text_file, where)


def _ways_out(
    rendered: Rendered, sample: samples.Sample, our: Brand, html_file: str, text_file: str, where: str
) -> Iterator[Finding]:
    base = "https://post.larkfield.example"
    wanted = [(f"{base}/p/", "preference link"), (our.support.page, "help link")]
    if sample.template in NOTICES:
        wanted.append((f"{base}/o/", "link to the order"))
    if sample.promotional or sample.purpose is not Purpose.TRANSACTIONAL:
        wanted.append((f"{base}/u/", "unsubscribe link"))
        postal = samples.SETTINGS.need("postal_address")
        for file, part in ((html_file, rendered.html), (text_file, rendered.text)):
            if postal not in part:
                yield Finding(file, where, "no postal address", "the postal address on every offer (rule C06)")
        for header in ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id"):
            if header not in rendered.headers:
                yield Finding(html_file, where, f"no {header}", "one-click headers on every offer (rule C08)")
    for address, what in wanted:
        for file, part in ((html_file, rendered.html), (text_file, rendered.text)):
            if address not in part:
                yield Finding(file, where, f"no {what}", f"a {what} in both parts")


def _text_messages(files: Stationery, our: Brand, goods: Catalogue) -> Iterator[Finding]:
    """The short forms: each wording can be filled, and what is sent fits one segment."""
    for name, sample in samples.samples(goods).items():
        for locale in our.locales if sample.template in NOTICES and files.locales(sample.template) else ():
            words = files.words(sample.template, locale, our.default_locale)
            if not words.has("sms"):
                continue
            file, where = f"{sample.template}/words.{words.locale}.yaml", f"sample {name}, {locale}"
            for key in (key for key in LADDER if words.has(key)):
                unknown = sorted(words.needs(key) - VALUES)
                if unknown:
                    yield Finding(file, key, f"placeholder {{{unknown[0]}}}", f"one of {', '.join(sorted(VALUES))}")
            try:
                short = render_sms(sample.proposal(), sample.customer, sample.order, our, goods, samples.link, locale, files)
            except MissingWord as error:
                yield Finding(file, where, f"missing word or placeholder: {error.args[0]}", "it in every language")
                continue
            if short.segments > 1:
                yield Finding(file, where, f"{short.segments} segments of {short.encoding}", "one segment", "warning")
            if (our.support.short or our.support.page) not in short.text:
                yield Finding(file, where, "no help link", "{help} in every text message")


# ---------------------------------------------------------------- places


def _name(files: Stationery, path: Path) -> str:
    return path.relative_to(files.root).as_posix() if path.is_relative_to(files.root) else path.name


def _line(path: Path, key: str) -> str:
    """`line 12` of a key in a YAML file, or the key itself."""
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        if line.startswith(f"{key}:"):
            return f"line {number}"
    return key


# ---------------------------------------------------------------- preview and the invocation by hand


class NoPreview(LookupError):
    """There is nothing of that name to look at; the text says what there is."""


def preview(template: str, locale: str, sample: str | None = None) -> dict[str, Any]:
    """One rendered message: subject, html, text, headers, and of which sample. NoPreview naming the field."""
    files, our, goods = stationery(), brand(), catalogue()
    every = samples.samples(goods)
    named = [name for name, s in every.items() if s.template == template]
    if not named:
        raise NoPreview(f"template: expected one of {', '.join(sorted(VIEWS))}, found {template}")
    chosen = sample or named[0]
    if chosen not in named:
        raise NoPreview(f"sample: expected one of {', '.join(named)}, found {chosen}")
    if not re.fullmatch(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*", locale):
        raise NoPreview(f"locale: expected a locale such as {our.default_locale}, found {locale}")
    one = every[chosen]
    reader = our.locale_for(None, locale)
    rendered = render(
        one.proposal(),
        one.customer,
        one.order,
        our,
        goods,
        samples.link,
        samples.SETTINGS,
        reader,
        one.include,
        one.promotional,
        files,
    )
    return {
        "template": template,
        "locale": reader,
        "sample": chosen,
        "samples": named,
        "subject": rendered.subject,
        "html": rendered.html,
        "text": rendered.text,
        "headers": dict(rendered.headers),
        "template_version": rendered.template_version,
    }


def answer(event: Mapping[str, Any]) -> dict[str, Any]:
    """An invocation by hand: `{"templates": "check"}` or `{"templates": "preview", "template", "locale", "sample"}`.

    Bad input is answered with `error`: one line that names the field and what was expected.
    """
    asked = event.get("templates")
    if asked == "check":
        findings = check()
        return {"ok": not any(f["level"] == "error" for f in findings), "findings": findings}
    if asked != "preview":
        return {"error": f"templates: expected check or preview, found {json.dumps(asked)[:40]}"}
    for field in ("template", "locale"):
        if not isinstance(event.get(field), str):
            return {"error": f"{field}: expected a text"}
    sample = event.get("sample")
    try:
        return preview(event["template"], event["locale"], str(sample) if sample else None)
    except (NoPreview, CannotRender, ContentError) as error:
        return {"error": str(error)}
