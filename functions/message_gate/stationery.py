"""The files that messages are made of: templates, words per language, styles. Read once, compiled once.

Only these files are compiled; what comes from an order is only ever a value. The sandbox is there for a template that a
store edits. A value is looked up in plain dictionaries, so no method of any object can be reached from a template.
"""

import hashlib
import re
from collections.abc import Callable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from string import Formatter
from typing import Any, Literal

from jinja2 import FileSystemLoader, StrictUndefined, Template, nodes
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer
from markupsafe import Markup
from pydantic import RootModel

from aftercare.brand import Brand, ToneName
from aftercare.consent import Purpose
from aftercare.content import ContentError, read_content
from aftercare.language import fallbacks
from aftercare.model import Model
from aftercare.proposal import Word
from message_gate.tone import NAMES, Nature

TEMPLATES = Path(__file__).parent / "templates"

SHARED = "words"


class MissingWord(KeyError):
    """A word, or a placeholder's value, that a message needs is not there: a fault of the files, named by key."""


class _Phrases(RootModel[dict[str, str]]):
    pass


class TemplateEntry(Model):
    """`form` names the folder whose layout the template shares; without one it has its own. `nature` is what it has to say."""

    purpose: Purpose
    nature: Nature = "news"
    form: Word | None = None
    carries: tuple[Word, ...] = ()


class PartialEntry(Model):
    purpose: Purpose
    gives: Literal["help"] | None = None


class Register(Model):
    """templates.yaml: every template and partial with its purpose."""

    templates: dict[Word, TemplateEntry]
    partials: dict[Word, PartialEntry]


class StyleSheet(Model):
    """styles.yaml: inline styles by name, and what a dark mode changes by class."""

    font: str
    serif: str
    styles: dict[Word, str]
    dark: dict[Word, str]


def placeholders(phrase: str) -> set[str]:
    """The names in a phrase. ValueError where braces do not pair or a name is more than a name."""
    names = {name for _, name, _, _ in Formatter().parse(phrase) if name is not None}
    if not all(re.fullmatch(r"[a-z_]+", name) for name in names):
        raise ValueError("expected placeholders such as {name}")
    return names


def read_phrases(path: Path) -> dict[str, str]:
    """A words file. ContentError naming file, key and expectation."""
    read: Any = read_content(path, _Phrases)  # type: ignore[type-var]
    for key, phrase in read.root.items():
        try:
            placeholders(phrase)
        except ValueError as error:
            raise ContentError(f"{path.name}: {key}: {error}") from error
    return dict(read.root)


class Words:
    """The words of one template in one language; `tone` where some of them are of another tone than the usual one."""

    def __init__(self, locale: str, phrases: Mapping[str, str], tone: ToneName | None = None) -> None:
        self.locale = locale
        self.tone = tone
        self.plain = {key: phrase for key, phrase in phrases.items() if "{" not in phrase}
        self.escaped = {key: Markup.escape(phrase) for key, phrase in self.plain.items()}
        self._phrases = phrases

    def has(self, key: str) -> bool:
        return key in self._phrases

    def needs(self, key: str) -> set[str]:
        """The placeholders of a phrase. MissingWord."""
        return placeholders(self.phrase(key))

    def phrase(self, key: str) -> str:
        """The phrase as it stands in the file. MissingWord."""
        if key not in self._phrases:
            raise MissingWord(key)
        return self._phrases[key]

    def say(self, key: str, **values: str) -> str:
        """The phrase with its placeholders filled. MissingWord."""
        try:
            return self._phrases[key].format_map(values)
        except KeyError as error:
            raise MissingWord(f"{key}: {error.args[0]}") from error


class _Sandbox(ImmutableSandboxedEnvironment):
    """The sandbox, to which a dictionary has its keys and nothing else (and is asked first: it is what all values are)."""

    def getattr(self, obj: Any, attribute: str) -> Any:
        if type(obj) is dict:
            return obj[attribute] if attribute in obj else self.undefined(obj=obj, name=attribute)
        return super().getattr(obj, attribute)


_NAMED = re.compile(r"\{\{ ([a-z_]+(?:\.[a-z_]+)?) \}\}")


def _fixed(view: Mapping[str, Any], write: Callable[[str], str]) -> dict[str, str]:
    """The texts of a view that stands for all messages, by the name under which a template has them.

    Left out is what a template would read otherwise than as text, or whose ends another sign could trim: that is filled in
    at each message, like everything else.
    """
    named = dict(view)
    for group, values in view.items():
        if isinstance(values, Mapping):
            named |= {f"{group}.{name}": value for name, value in values.items()}
    texts = {name: write(value) for name, value in named.items() if isinstance(value, str)}
    return {name: text for name, text in texts.items() if text == text.strip() and not re.search(r"\{[{%#]|[\r\n]", text)}


class _Filled(FileSystemLoader):
    """Files in which `{{ name }}` is replaced by its text where that is the same in all messages.

    Words and the brand's own part are our files, never data; filled in here they cost nothing at each message.
    """

    def __init__(self, root: Path, fixed: Mapping[str, str]) -> None:
        super().__init__(root)
        self._fixed = fixed

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Any]:
        source, path, fresh = super().get_source(environment, template)
        return _NAMED.sub(lambda found: self._fixed.get(found[1], found[0]), source), path, fresh


class _Dressed(_Filled):
    """HTML files with `{{ css.name }}` replaced by the style itself, and without indentation."""

    def __init__(self, root: Path, fixed: Mapping[str, str], styles: Mapping[str, str]) -> None:
        super().__init__(root, fixed)
        self._styles = styles

    def get_source(self, environment: Any, template: str) -> tuple[str, str, Any]:
        source, path, fresh = super().get_source(environment, template)

        def style(found: re.Match[str]) -> str:
            if found[1] not in self._styles:
                raise ContentError(f"{template}: css.{found[1]}: expected a style of styles.yaml")
            return self._styles[found[1]]

        return re.sub(r"\n[ \t]+", "\n", re.sub(r"\{\{ css\.([a-z_]+) \}\}", style, source)), path, fresh


class _Joined(NodeTransformer):
    """A template with what it extends and includes put in its place, so that a message is one template at run time.

    Only names that stand in the file are followed. Anything else that jinja2 allows there is refused: it would mean
    something else when it is put in.
    """

    def __init__(self, files: _Sandbox, blocks: Mapping[str, list[nodes.Node]]) -> None:
        self._files = files
        self._blocks = blocks

    @classmethod
    def read(cls, files: _Sandbox, name: str, blocks: Mapping[str, list[nodes.Node]] | None = None) -> nodes.Template:
        """The whole of one template. `blocks` are those of the template that extends it."""
        source, path, _ = files.loader.get_source(files, name)  # type: ignore[union-attr]
        tree = files.parse(source, name, path)
        parent = next((node for node in tree.body if isinstance(node, nodes.Extends)), None)
        own = {node.name: node.body for node in tree.find_all(nodes.Block)} | dict(blocks or {})
        if parent is not None:
            return cls.read(files, _named(parent.template), own)
        joined: nodes.Template = cls(files, own).visit(tree)
        return joined

    def visit_Block(self, node: nodes.Block) -> list[nodes.Node]:  # noqa: N802 - jinja2 calls it by this name
        return [part for each in self._blocks[node.name] for part in self.visit_list(each)]

    def visit_Include(self, node: nodes.Include) -> list[nodes.Node]:  # noqa: N802
        return list(self.read(self._files, _named(node.template)).body)


def _named(template: nodes.Expr) -> str:
    if not isinstance(template, nodes.Const):
        raise ContentError("templates: include: expected the name of a template, not an expression")
    return str(template.value)


_ENVIRONMENT: Any = {
    "undefined": StrictUndefined,
    "trim_blocks": True,
    "lstrip_blocks": True,
    "auto_reload": False,
    "cache_size": 400,
}


class Stationery:
    """One folder of templates."""

    def __init__(self, root: Path = TEMPLATES, joined: bool = True) -> None:
        """`joined` compiles a message as one template; apart, an error says in which file and line it is."""
        self.root = root
        self._joined = joined
        # Plain text has nothing to escape: "&amp;" in a text part would be a fault that the reader sees.
        self.text_files = _Sandbox(autoescape=False, loader=FileSystemLoader(root), **_ENVIRONMENT)

    @cached_property
    def register(self) -> Register:
        return read_content(self.root / "templates.yaml", Register)

    @cached_property
    def sheet(self) -> StyleSheet:
        return read_content(self.root / "styles.yaml", StyleSheet)

    def html(self, name: str, brand: Brand, standing: Mapping[str, Any]) -> Template:
        """A message's HTML in the brand's colours; data in it is escaped. `standing` is what all messages of a language share."""
        loader = _Dressed(self.root, _fixed(standing, lambda text: str(Markup.escape(text))), self._inline(brand))
        return self._compiled(_Sandbox(autoescape=True, loader=loader, **_ENVIRONMENT), f"{self.form(name)}/mail.html")

    def text(self, name: str, standing: Mapping[str, Any]) -> Template:
        """A message's text part."""
        loader = _Filled(self.root, _fixed(standing, str))
        return self._compiled(_Sandbox(autoescape=False, loader=loader, **_ENVIRONMENT), f"{self.form(name)}/mail.txt")

    def _compiled(self, files: _Sandbox, name: str) -> Template:
        if not self._joined:
            return files.get_template(name)
        code = files.compile(_Joined.read(files, name), name, str(self.root / name))
        # jinja2's own chain of dictionaries is walked through at each message.
        return Template.from_code(files, code, dict(files.globals))

    def form(self, name: str) -> str:
        """The folder in which a template's layout lies: its own, or that of the form it shares with others."""
        entry = self.register.templates.get(name)
        return (entry.form if entry else None) or name

    def _places(self, name: str) -> tuple[Path, ...]:
        """Where a template's words lie; the later have the last word."""
        return tuple(dict.fromkeys((self.root, self.root / self.form(name), self.root / name)))

    @cached_property
    def places(self) -> tuple[Path, ...]:
        """All folders that have words."""
        return tuple(dict.fromkeys(place for name in self.register.templates for place in self._places(name)))

    def locales(self, name: str) -> tuple[str, ...]:
        """The languages for which all the template's words are there."""
        usual = re.compile(rf"{SHARED}\.([^.]+)\.yaml")
        names = [[usual.fullmatch(path.name) for path in place.iterdir()] for place in self._places(name)]
        found = [{match[1] for match in matches if match} for matches in names]
        return tuple(sorted(set.intersection(*found)))

    @cached_property
    def _words(self) -> dict[tuple[str, str, str, ToneName | None], Words]:
        return {}

    def words(self, name: str, locale: str, default: str, tone: ToneName | None = None) -> Words:
        """The words a reader of the locale gets, by the fallback rule: de-AT, de, the brand's default, en.

        What the tone has no words of its own for is said as usual.
        """
        found = self._words.get((name, locale, default, tone))
        if found is None:
            offered = self.locales(name)
            chosen = next((lang for lang in fallbacks(locale, default) if lang in offered), None)
            if chosen is None:
                raise ContentError(f"{name}: words.{default}.yaml: expected, because it is the brand's default language")
            toned = self._toned(name, chosen, tone)
            if tone and not toned:
                found = self.words(name, locale, default)
            else:
                phrases: dict[str, str] = {}
                for place in self._places(name):
                    phrases |= read_phrases(place / f"{SHARED}.{chosen}.yaml")
                    phrases |= read_phrases(toned[place]) if place in toned else {}
                found = Words(chosen, phrases, tone)
            self._words[name, locale, default, tone] = found
        return found

    def _toned(self, name: str, locale: str, tone: ToneName | None) -> dict[Path, Path]:
        """The files that say something of a template in a tone, by the places where they lie."""
        files = {place: place / f"{SHARED}.{locale}.{tone}.yaml" for place in self._places(name)} if tone else {}
        return {place: file for place, file in files.items() if file.exists()}

    def tones(self, name: str, locale: str) -> tuple[ToneName, ...]:
        """The tones in which something of a template is said otherwise than usual."""
        return tuple(tone for tone in NAMES if self._toned(name, locale, tone))

    @cached_property
    def _versions(self) -> dict[tuple[str, str, ToneName | None], str]:
        return {}

    def version(self, name: str, locale: str, tone: ToneName | None = None) -> str:
        """`<template>.<language>[.<tone>]@<hash>` of all files that the message is made of."""
        found = self._versions.get((name, locale, tone))
        if found is None:
            shared = [p for p in self.root.iterdir() if p.is_file() and (p.suffix != ".yaml" or not p.name.startswith(SHARED))]
            files = [*shared, *(self.root / "partials").iterdir(), *(self.root / self.form(name)).glob("mail.*")]
            files += [place / f"{SHARED}.{locale}.yaml" for place in self._places(name)]
            files += self._toned(name, locale, tone).values()
            digest = hashlib.sha256()
            for file in sorted(files):
                digest.update(file.relative_to(self.root).as_posix().encode() + b"\0" + file.read_bytes() + b"\0")
            named = f"{name}.{locale}.{tone}" if tone else f"{name}.{locale}"
            found = self._versions[name, locale, tone] = f"{named}@{digest.hexdigest()[:12]}"
        return found

    def _inline(self, brand: Brand) -> dict[str, str]:
        """The inline styles in the brand's colours, as they stand in an attribute."""
        values = {**brand.colours.model_dump(exclude={"dark"}), "font": self.sheet.font, "serif": self.sheet.serif}
        return {name: str(Markup.escape(style.format_map(values))) for name, style in self.sheet.styles.items()}

    def dark(self, brand: Brand) -> Markup:
        """The style sheet for readers in a dark mode."""
        colours = brand.colours.dark.model_dump()
        rules = "".join(f".{name}{{{rule.format_map(colours)}}}" for name, rule in self.sheet.dark.items())
        sheet = f":root{{color-scheme:light dark}}@media (prefers-color-scheme:dark){{{rules}}}"
        return Markup(sheet)  # noqa: S704 - our own file and checked colours


@lru_cache(maxsize=1)
def stationery() -> Stationery:
    """The templates of this deployment."""
    return Stationery()
