"""What is wrong with the files that messages are made of, before a customer sees it; and what a message looks like.

`check` renders every template in every language with every sample and reads the result as a mail programme would; it also
reads the words as an editor would. Each finding names file, place, what is there and what was expected.
"""

import json
import re
import traceback
from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

from jinja2 import TemplateError, TemplateSyntaxError, UndefinedError
from jinja2.meta import find_referenced_templates
from pydantic import BaseModel

from aftercare.brand import Brand, Logo, ToneName, brand
from aftercare.catalogue import Catalogue, catalogue
from aftercare.consent import Purpose
from aftercare.content import ContentError, read_content
from aftercare.language import pick
from aftercare.weblink import NotHttps
from message_gate import mime
from message_gate.evaluation import samples
from message_gate.evaluation.mail_page import LEAST_CONTRAST, MailPage, good, of_style, running, source_addresses
from message_gate.evaluation.spoken import Spoken
from message_gate.evaluation.variables import TEXT, Kind, Walk, differences, kind_of
from message_gate.evaluation.view_model import MODELS
from message_gate.evaluation.wording import Manners, Rule, Said, heard, honest, inflected, rules
from message_gate.frequency import frequency_policy
from message_gate.hours import hours_book
from message_gate.letter import LONGEST_SUBJECT, Letter, View, frame, standing, unsubscribed_from
from message_gate.notices import NOTICES
from message_gate.render import LARGEST_HTML, CannotRender, Rendered, TooLarge, letters, render
from message_gate.sms import LADDER, VALUES, render_sms
from message_gate.stationery import (
    SHARED,
    TEMPLATES,
    MissingWord,
    Register,
    Stationery,
    TemplateEntry,
    placeholders,
    read_phrases,
    stationery,
)
from message_gate.tone import NAMES, choose, nature_of
from message_gate.view import OUTLINES, VIEWS, NothingToOffer

STRICTNESS = list(Purpose)
"""The purposes from the mildest ground to the strictest."""

OFFERS = (Purpose.REORDER, Purpose.PROMOTIONAL)
SMALLEST_TYPE = 16
MOST_BUTTONS = 2
LONGEST_PREHEADER = 150
UNSUBSCRIBING = ("List-Unsubscribe", "List-Unsubscribe-Post", "List-Id")
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


def check(
    files: Stationery | None = None,
    our: Brand | None = None,
    goods: Catalogue | None = None,
    only: Collection[str] = (),
) -> list[dict[str, str]]:
    """All findings on the deployment's files (or those given), the same list for the same files. An empty list is good.

    With `only`, the messages of these templates alone are made and read; what all templates share is checked as always.
    """
    found: list[Finding] = []
    try:
        hours_book()
        files = Stationery((files or stationery()).root, joined=False)
        for finding in _findings(files, our or brand(), goods or catalogue(), only or VIEWS.keys()):
            found.append(finding)  # noqa: PERF402 - what was found before a file could not be read is told too
    except ContentError as error:
        file, _, rest = str(error).partition(": ")
        field, _, expected = rest.partition(": ")
        found.append(Finding(file, field, "not as it must be", expected or rest))
    return [asdict(finding) for finding in dict.fromkeys(found)]


def _findings(files: Stationery, our: Brand, goods: Catalogue, only: Collection[str]) -> Iterator[Finding]:
    manners = read_content(files.root / "manners.yaml", Manners)
    yield from _languages(our, goods, manners)
    yield from _returns(our, goods)
    yield from _register(files, goods)
    yield from _gathered(files.register)
    yield from _words(files, our)
    yield from _tones(files, our)
    yield from _spoken(files, our)
    known = list(_variables(files, our, only))
    yield from known
    yield from _editing(files, our, goods, manners)
    yield from _addresses(files, our, goods)
    yield from _type(files)
    told = {(finding.file, finding.where) for finding in known}
    tried = {name: sample for name, sample in samples.samples(goods).items() if sample.template in only}
    for finding in _messages(files, our, goods, manners, tried):
        # What the walk over the tree has told is not told again by each sample that comes by.
        if (finding.file, finding.where) not in told:
            yield finding
    yield from _text_messages(files, our, goods, tried)


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


def _returns(our: Brand, goods: Catalogue) -> Iterator[Finding]:
    for name in our.returns.by_family.keys() - goods.families.keys():
        yield Finding("brand.yaml", f"returns.by_family.{name}", "unknown", "a family of catalogue.yaml")


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


def _tones(files: Stationery, our: Brand) -> Iterator[Finding]:
    """What is said in another tone is something that is said at all, with the same placeholders, and in every language."""
    for scope in files.places:
        for path in sorted(scope.glob(f"{SHARED}.*.*.yaml")):
            locale, tone = path.name.split(".")[1:3]
            file, usual = _name(files, path), scope / f"{SHARED}.{locale}.yaml"
            if tone not in NAMES:
                yield Finding(file, tone, "an unknown tone", f"one of {', '.join(NAMES)}")
                continue
            for other in our.locales:
                beside = scope / f"{SHARED}.{other}.{tone}.yaml"
                if not beside.exists():
                    yield Finding(_name(files, beside), other, "missing", f"a file, because {path.name} is there")
                elif locale == our.default_locale and other != locale:
                    yield from _same_keys(files, path, beside)
            base = read_phrases(usual) if usual.exists() else {}
            for key, phrase in read_phrases(path).items():
                if key not in base:
                    yield Finding(file, _line(path, key), f"{key}: not among the usual words", f"a key of {usual.name}")
                elif placeholders(phrase) != placeholders(base[key]):
                    wanted = ", ".join(f"{{{name}}}" for name in sorted(placeholders(base[key]))) or "none"
                    yield Finding(file, _line(path, key), f"{key}: other placeholders", wanted)


def _same_keys(files: Stationery, path: Path, beside: Path) -> Iterator[Finding]:
    here, there = read_phrases(path), read_phrases(beside)
    for key in sorted(here.keys() ^ there.keys()):
        lacks = beside if key in here else path
        yield Finding(_name(files, lacks), key, "missing", "the same phrases of a tone in every language")


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


def _gathered(register: Register) -> Iterator[Finding]:
    """What frequency.yaml lets wait for a digest can stand in one."""
    for name in frequency_policy().digest.templates:
        entry = register.templates.get(name)
        if name not in OUTLINES or entry is None:
            yield Finding("frequency.yaml", f"digest.templates.{name}", "no outline", f"one of {', '.join(sorted(OUTLINES))}")
        elif entry.purpose is Purpose.TRANSACTIONAL:
            yield Finding("frequency.yaml", f"digest.templates.{name}", "news of an order", "a message that can wait a week")


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


# ---------------------------------------------------------------- variables


def _variables(files: Stationery, our: Brand, only: Collection[str]) -> Iterator[Finding]:
    """Each variable of each branch is in the view, in each language."""
    styles, told = frozenset(files.sheet.styles), set[tuple[str, int, str]]()
    for name in files.register.templates:
        if name not in VIEWS or name not in only:
            continue
        if name not in MODELS:
            yield Finding("view_model.py", name, "no model", "what the view has")
            continue
        declared = kind_of(MODELS[name]).names or {}
        for locale in our.locales if files.locales(name) else ():
            words = Kind(dict.fromkeys(files.words(name, locale, our.default_locale).plain, TEXT))
            for suffix, more in (("html", {"dark": TEXT, "spacer": TEXT}), ("txt", {})):
                walk = Walk(
                    files.root, files.text_files, {**declared, "w": words, **more}, styles if suffix == "html" else frozenset()
                )
                walk.template(f"{files.form(name)}/mail.{suffix}")
                for missing in walk.found:
                    # A file that many templates share is told of once.
                    if (missing.file, missing.line, missing.what) not in told:
                        told.add((missing.file, missing.line, missing.what))
                        yield Finding(missing.file, f"line {missing.line}", missing.what, missing.expected)


def _as_declared(
    files: Stationery, our: Brand, goods: Catalogue, sample: samples.Sample, locale: str, where: str
) -> Iterator[Finding]:
    """The view of a sample is what view_model.py says; one that cannot be made is told when it is rendered."""
    words = files.words(sample.template, locale, our.default_locale)
    message, about = sample.proposal(), (sample.customer, sample.order, our, goods)
    parts = letters(samples.parts_of(sample), (*about, samples.link), files, locale)
    letter = Letter(message, *about, samples.link, words, locale, sample.include, sample.promotional, parts, sample.publication)
    postal = samples.SETTINGS.postal_address if unsubscribed_from(message.purpose, sample.promotional) else None
    try:
        common = frame(letter, postal)
        view: View = {**standing(our, words), **common, **VIEWS[sample.template](letter, common)}
    except (LookupError, NotHttps):
        return
    for path, what, expected in differences(view, kind_of(MODELS[sample.template]), ""):
        yield Finding("view_model.py", f"{sample.template}.{path}", f"{what} ({where})", expected)


def _spoken(files: Stationery, our: Brand) -> Iterator[Finding]:
    """Each phrase is used somewhere: a key that nothing says is a slip of the pen, or left over. What the views say is read from
    their sources, which a deployed function does not have (decision 0135): there this is not asked."""
    if not TEMPLATES.with_name("view.py").exists():
        return
    said = Spoken.of(files.root)
    for scope in files.places:
        path = scope / f"{SHARED}.{our.default_locale}.yaml"
        for key in read_phrases(path) if path.exists() else ():
            if not said.uses(key):
                yield Finding(
                    _name(files, path), _line(path, key), f"{key}: used nowhere", "a phrase that a template or view says"
                )


# ---------------------------------------------------------------- addresses


def _reach(our: Brand) -> tuple[str, ...]:
    """The ways to a person that a link may open besides https: the brand's own."""
    phone = our.support.phone
    return (f"mailto:{our.reply_to}", *((f"tel:{phone.replace(' ', '')}",) if phone else ()))


def _addresses(files: Stationery, our: Brand, goods: Catalogue) -> Iterator[Finding]:
    """No address of another scheme in any branch of any file."""
    allowed, expected = _reach(our), "an https address (https://host/path), or the brand's own mailto: or tel:"
    for path in sorted(files.root.rglob("*")):
        if path.suffix in (".html", ".txt"):
            for url, line in source_addresses(path.read_text(encoding="utf-8"), allowed):
                yield Finding(_name(files, path), f"line {line}", f"address {url[:60]!r}", expected)
    for name, style in {**files.sheet.styles, **files.sheet.dark, "font": files.sheet.font, "serif": files.sheet.serif}.items():
        for url in of_style(style):
            if not good(url, ()):
                yield Finding("styles.yaml", name, f"address {url[:60]!r}", expected)
    for locale in our.locales:
        for file, where, text in _sentences(files, our, goods, locale):
            for url, _ in running(text) if where else ():
                if not good(url, allowed):
                    yield Finding(file, where, f"address {url[:60]!r}", expected)


# ---------------------------------------------------------------- editing


def _editing(files: Stationery, our: Brand, goods: Catalogue, manners: Manners) -> Iterator[Finding]:
    """What the words themselves say."""
    for locale in our.locales:
        editor = Editor(our, manners, locale)
        for file, where, text in _sentences(files, our, goods, locale):
            for what, expected, said in editor.read(text):
                line = text.count("\n", 0, said.at) + 1
                yield Finding(file, where or f"line {line}", f"{what}: {said.text}", expected)


class Editor:
    """Reads texts of one language for what the brand and good manners leave unsaid."""

    def __init__(self, our: Brand, manners: Manners, locale: str) -> None:
        language = locale.partition("-")[0]
        self.rules = [*_choice(our, locale), *rules(manners, language)]
        self.honest = honest(manners, language)
        self.looks = list(_looks(our, locale))
        self._read = set[str]()

    def once(self, text: str) -> Iterator[tuple[str, str, Said]]:
        """Reads a text that it has not read before."""
        if text not in self._read:
            self._read.add(text)
            yield from self.read(text)

    def read(self, source: str) -> Iterator[tuple[str, str, Said]]:
        """What is wrong, what was expected, and where: in the order of the rules."""
        wording = heard(source)
        text = wording.without(self.honest)
        for rule in self.rules:
            for found in rule.pattern.finditer(text):
                yield rule.what, rule.expected, wording.said(found)
        shown = re.sub(r"\{\{.*?\}\}|\{%.*?%\}|<[^>]*>", lambda gone: re.sub(r"[^\n]", " ", gone[0]), source, flags=re.DOTALL)
        for pattern, what, expected in self.looks:
            seen = pattern.search(shown)
            if seen:
                yield what, expected, Said(seen[0], seen.start())


def _choice(our: Brand, locale: str) -> Iterator[Rule]:
    """The brand's own words: avoided ones, and those that stand for a preferred one."""
    language = locale.partition("-")[0]
    choice = our.words.get(locale) or our.words.get(language)
    for word in choice.avoid if choice else ():
        yield Rule(inflected(word, language), "avoided word", "another word: brand.yaml avoids it")
    for preferred, others in (choice.instead_of if choice else {}).items():
        for word in others:
            yield Rule(inflected(word, language), "other word", f"{preferred}, by brand.yaml")


def _looks(our: Brand, locale: str) -> Iterator[tuple[re.Pattern[str], str, str]]:
    """What shows in capitals and signs only: whom German addresses how, and shouting."""
    language = locale.partition("-")[0]
    address = our.tone.address.get(locale)
    if language == "de" and address == "formal":
        informal = r"(?<![\w-])(?:du|dir|dich|dein(e|er|em|en|es)?|euch|euer|eure[mnrs]?)(?![\w-])"
        yield re.compile(informal, re.IGNORECASE), "informal address", "Sie, by tone.address"
    if language == "de" and address == "informal":
        yield re.compile(r"(?<=[a-zäöüß,] )(Sie|Ihnen|Ihr(e|er|em|en|es)?)\b"), "formal address", "du, by tone.address"
    yield re.compile("!" * 2 + "|" + r"\b[A-ZÄÖÜ]{5,}( [A-ZÄÖÜ]{3,})+\b"), "shouting", "a calm sentence"


def _sentences(files: Stationery, our: Brand, goods: Catalogue, locale: str) -> Iterator[tuple[str, str, str]]:
    """All that is written for one language, with its place: words, content files, and what stands in templates themselves.

    A place that is empty is told by the line of what is found.
    """
    for scope in files.places:
        for path in sorted((*scope.glob(f"{SHARED}.{locale}.yaml"), *scope.glob(f"{SHARED}.{locale}.*.yaml"))):
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
            yield _name(files, path), "", path.read_text(encoding="utf-8")


def _type(files: Stationery) -> Iterator[Finding]:
    """Nothing is too small to read on a phone."""
    for name, style in files.sheet.styles.items():
        for size in re.findall(r"font-size:(\d+)px", style):
            if int(size) < SMALLEST_TYPE:
                yield Finding("styles.yaml", f"styles.{name}", f"font-size {size}px", f"at least {SMALLEST_TYPE}px")


# ---------------------------------------------------------------- messages


def _messages(
    files: Stationery, our: Brand, goods: Catalogue, manners: Manners, tried: Mapping[str, samples.Sample]
) -> Iterator[Finding]:
    pictured = our if our.logo else our.model_copy(update={"logo": Logo(url="https://example.com/logo.png", width=160)})
    editors = {locale: Editor(our, manners, locale) for locale in our.locales}
    first: dict[str, str] = {}
    for name, sample in tried.items():
        first.setdefault(sample.template, name)
    for name, sample in tried.items():
        if not (files.root / files.form(sample.template) / "mail.html").exists() or not files.locales(sample.template):
            continue
        for locale in our.locales:
            for dressed in (our, pictured) if name == "usual" else (our,):
                if dressed is our and sample.template in MODELS:
                    yield from _as_declared(files, our, goods, sample, locale, f"sample {name}, {locale}")
                rendered = _tried(files, dressed, goods, sample, locale, f"sample {name}, {locale}")
                if isinstance(rendered, Finding):
                    yield rendered
                else:
                    where = f"sample {name}, {locale}"
                    yield from _read(rendered, sample, our, editors[locale], files.form(sample.template), where)
            # A tone changes words and nothing else, so one message of each template is read in every tone that it has.
            for tone in files.tones(sample.template, locale) if first[sample.template] == name else ():
                where = f"sample {name}, {locale}, {tone}"
                rendered = _tried(files, our, goods, sample, locale, where, tone)
                if isinstance(rendered, Finding):
                    yield rendered
                else:
                    yield from _read(rendered, sample, our, editors[locale], files.form(sample.template), where)


def _tried(
    files: Stationery,
    our: Brand,
    goods: Catalogue,
    sample: samples.Sample,
    locale: str,
    where: str,
    tone: ToneName | None = None,
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
                samples.parts_of(sample),
                tone,
                sample.publication,
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
    for call in reversed(traceback.extract_tb(error.__traceback__)):
        if call.filename.startswith(str(files.root)):
            return _name(files, Path(call.filename)), f"line {call.lineno}"
    return otherwise, "line unknown"


def _read(rendered: Rendered, sample: samples.Sample, our: Brand, editor: Editor, form: str, where: str) -> Iterator[Finding]:
    """The rendered message, as its reader and their mail programme get it."""
    html_file, text_file = f"{form}/mail.html", f"{form}/mail.txt"
    page = MailPage(rendered.html)
    yield from _other_schemes(rendered, page, our, html_file, text_file, where)
    for thing in dict.fromkeys(page.active):
        yield Finding(html_file, where, f"active content: {thing}", "markup that only shows")
    yield from _unsaid(page, rendered, editor, html_file, text_file, where)
    yield from _poorer(page, rendered, text_file, where)
    for what, text in page.too_faint():
        yield Finding(html_file, where, f"{what}: {text}", f"at least {LEAST_CONTRAST} (WCAG 1.4.3)")
    if not page.preheader or page.preheader == rendered.subject or len(page.preheader) > LONGEST_PREHEADER:
        what = f"preheader {page.preheader[:60]!r} of {len(page.preheader)} characters"
        yield Finding(html_file, where, what, f"up to {LONGEST_PREHEADER} that say more than the subject")
    if page.without_alt:
        yield Finding(html_file, where, "a picture without alt text", "alt on every img")
    if not page.lang:
        yield Finding(html_file, where, "no lang on html", "the language, for screen readers")
    if page.buttons.count(True) != 1:
        yield Finding(html_file, where, f"{page.buttons.count(True)} big buttons", "one clear action")
    if len(page.buttons) > MOST_BUTTONS:
        yield Finding(html_file, where, f"{len(page.buttons)} buttons", f"at most {MOST_BUTTONS}, the rest as links")
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


def _other_schemes(
    rendered: Rendered, page: MailPage, our: Brand, html_file: str, text_file: str, where: str
) -> Iterator[Finding]:
    allowed, expected = _reach(our), "an https address (https://host/path), or the brand's own mailto: or tel:"
    found = [(html_file, url) for url, _ in page.addresses]
    found += [(html_file, url) for block in page.blocks for url, _ in running(block)]
    found += [(text_file, url) for url, _ in running(rendered.text)]
    for file, url in dict.fromkeys(found):
        if not good(url, allowed):
            yield Finding(file, where, f"link {url[:60]!r}", expected)


def _unsaid(page: MailPage, rendered: Rendered, editor: Editor, html_file: str, text_file: str, where: str) -> Iterator[Finding]:
    """What only shows when the parts of a message stand together."""
    if "hostile" in where:
        return
    texts = [(html_file, text) for text in (rendered.subject, page.preheader, *page.blocks)]
    texts += [(text_file, text) for text in rendered.text.split("\n\n")]
    for file, text in texts:
        for what, expected, said in editor.once(re.sub(r"https://\S+", " ", text)):
            # Capitals are how plain text sets a title.
            if file == text_file and what == "shouting":
                continue
            yield Finding(file, where, f"{what}: {said.text}", expected)


def _poorer(page: MailPage, rendered: Rendered, text_file: str, where: str) -> Iterator[Finding]:
    """Who reads the text part misses nothing: neither a sentence nor a link."""
    there = f" {_bare(rendered.text)} "
    for shown in page.shown:
        words = _bare(shown.text)
        if words and not shown.look.silent and f" {words} " not in there:
            yield Finding(text_file, where, f"does not say {' '.join(shown.text.split())[:60]!r}", "all that the HTML says")
    for link in dict.fromkeys(page.links):
        if link not in rendered.text:
            yield Finding(text_file, where, f"no link {link[:60]!r}", "all links of the HTML")


def _bare(text: str) -> str:
    """Letters and digits only, in lower case."""
    return " ".join(re.findall(r"[^\W_]+", text.casefold()))


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
        for header in UNSUBSCRIBING:
            if header not in rendered.headers:
                yield Finding(html_file, where, f"no {header}", "one-click headers on every offer (rule C08)")
    else:
        for header in UNSUBSCRIBING:
            if header in rendered.headers:
                yield Finding(html_file, where, f"{header} on a message that nobody subscribed to", "no such header")
    for address, what in wanted:
        for file, part in ((html_file, rendered.html), (text_file, rendered.text)):
            if address not in part:
                yield Finding(file, where, f"no {what}", f"a {what} in both parts")


def _text_messages(files: Stationery, our: Brand, goods: Catalogue, tried: Mapping[str, samples.Sample]) -> Iterator[Finding]:
    """The short forms: each wording can be filled in every tone, and what is sent fits one segment."""
    for name, sample in tried.items():
        for locale in our.locales if files.locales(sample.template) else ():
            usual = files.words(sample.template, locale, our.default_locale)
            tones: list[ToneName | None] = [None, *files.tones(sample.template, usual.locale)]
            for tone in tones:
                words = files.words(sample.template, locale, our.default_locale, tone)
                keys = [key for key in LADDER if words.has(key)]
                if tone is None or any(not usual.has(key) or words.phrase(key) != usual.phrase(key) for key in keys):
                    yield from _text_message(files, our, goods, name, sample, locale, tone)


def _text_message(
    files: Stationery, our: Brand, goods: Catalogue, name: str, sample: samples.Sample, locale: str, tone: ToneName | None
) -> Iterator[Finding]:
    words = files.words(sample.template, locale, our.default_locale, tone)
    if not words.has("sms"):
        return
    file = f"{sample.template}/words.{words.locale}{f'.{tone}' if tone else ''}.yaml"
    where = f"sample {name}, {locale}"
    for key in (key for key in LADDER if words.has(key)):
        unknown = sorted(words.needs(key) - VALUES)
        if unknown:
            yield Finding(file, key, f"placeholder {{{unknown[0]}}}", f"one of {', '.join(sorted(VALUES))}")
    try:
        short = render_sms(
            sample.proposal(), sample.customer, sample.order, our, goods, samples.link, locale, files, tone, sample.publication
        )
    except MissingWord as error:
        yield Finding(file, where, f"missing word or placeholder: {error.args[0]}", "it in every language")
        return
    if short.segments > 1:
        yield Finding(file, where, f"{short.segments} segments of {short.encoding}", "one segment", "warning")
    if sample.template in NOTICES and (our.support.short or our.support.page) not in short.text:
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


def preview(template: str, locale: str, sample: str | None = None, tone: str | None = None) -> dict[str, Any]:
    """One rendered message: subject, html, text, headers, of which sample and in which tone, and its text message with its
    segments where it has one. NoPreview naming the field.

    Without a tone it speaks in the one that is chosen for the sample's customer. `locale` is the one that a reader of the
    `asked` one is written to in, `words` the language of its words, and `because` says why these.
    """
    files, our, goods = stationery(), brand(), catalogue()
    every = samples.samples(goods)
    named = [name for name, s in every.items() if s.template == template]
    if not named:
        raise NoPreview(f"template: expected one of {', '.join(sorted(VIEWS))}, found {template}")
    chosen = sample or named[0]
    if chosen not in named:
        raise NoPreview(f"sample: expected one of {', '.join(named)}, found {chosen}")
    if not re.fullmatch(r"[A-Za-z]{2,3}([_-][A-Za-z0-9]{2,8})*", locale):
        raise NoPreview(f"locale: expected a locale such as {our.default_locale} or de-AT, found {locale[:40] or 'nothing'}")
    if tone is not None and tone not in NAMES:
        raise NoPreview(f"tone: expected one of {', '.join(NAMES)}, found {tone[:40]}")
    one = every[chosen]
    reader = our.locale_for(None, locale)
    nature = nature_of(files.register.templates[template].nature, (block.kind for block in one.include))
    spoken = next((name for name in NAMES if name == tone), None)
    spoken = spoken or choose(nature, one.purpose, one.customer, our, reader, samples.PLACED).tone
    words = files.words(template, reader, our.default_locale)
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
        samples.parts_of(one),
        spoken,
        one.publication,
    )
    return {
        "template": template,
        "asked": locale,
        "locale": reader,
        "words": words.locale,
        "because": _why_this_locale(locale, reader, words.locale, template, files, our),
        "sample": chosen,
        "samples": named,
        "tone": spoken,
        "tones": ["friendly", *files.tones(template, words.locale)],
        "subject": rendered.subject,
        "html": rendered.html,
        "text": rendered.text,
        "headers": dict(rendered.headers),
        "template_version": rendered.template_version,
        "sms": _short(one, our, goods, reader, files, spoken),
    }


def _short(
    one: samples.Sample, our: Brand, goods: Catalogue, locale: str, files: Stationery, tone: ToneName
) -> dict[str, str | int] | None:
    """The text message of a sample with what it takes; None where the template has none."""
    if one.parts or not files.words(one.template, locale, our.default_locale, tone).has("sms"):
        return None
    short = render_sms(one.proposal(), one.customer, one.order, our, goods, samples.link, locale, files, tone, one.publication)
    return {"text": short.text, "encoding": short.encoding, "units": short.units, "segments": short.segments}


def _why_this_locale(asked: str, reader: str, words: str, template: str, files: Stationery, our: Brand) -> str:
    """Why a reader who was to be written to in one locale is written to as they are."""
    language = asked.replace("_", "-").partition("-")[0].lower()
    if language not in {name.partition("-")[0] for name in our.locales}:
        return f"brand.yaml offers {', '.join(our.locales)}, and {our.default_locale} is its default"
    if words.partition("-")[0] != language:
        return f"{template} has words for {', '.join(files.locales(template))} only"
    if reader != asked:
        return f"that is how {asked} is written here"
    return "as asked" if words == reader else f"as asked, in the words of {words}"


def answer(event: Mapping[str, Any]) -> dict[str, Any]:
    """An invocation by hand: `{"templates": "check", "only"?: [template, ...]}` or
    `{"templates": "preview", "template", "locale", "sample"?, "tone"?}`.

    Bad input is answered with `error`: one line that names the field and what was expected.
    """
    asked = event.get("templates")
    if asked == "check":
        only = event.get("only", [])
        unknown = [name for name in only if name not in VIEWS] if isinstance(only, list) else [only]
        if unknown:
            return {"error": f"only: expected names among {', '.join(sorted(VIEWS))}, found {json.dumps(unknown[0])[:40]}"}
        findings = check(only=only)
        return {"ok": not any(f["level"] == "error" for f in findings), "findings": findings}
    if asked != "preview":
        return {"error": f"templates: expected check or preview, found {json.dumps(asked)[:40]}"}
    for field in ("template", "locale"):
        if not isinstance(event.get(field), str):
            return {"error": f"{field}: expected a text"}
    sample, tone = event.get("sample"), event.get("tone")
    try:
        return preview(event["template"], event["locale"], str(sample) if sample else None, str(tone) if tone else None)
    except (NoPreview, CannotRender, ContentError) as error:
        return {"error": str(error)}
