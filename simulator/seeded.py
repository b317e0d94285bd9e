"""Everything random in the local cloud, from one seed: the engine's ids, generated secrets, the services' own ids."""

from __future__ import annotations

import json
import string
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from random import Random
from typing import Any, Final

from aftercare.keys import base32

PUNCTUATION: Final = "!\"#$%&'()*+,-./:;<=>?@[\\]^_`{|}~"


def stream(seed: int | str, name: str) -> Random:
    """A source of its own for each name; independent of PYTHONHASHSEED."""
    return Random(f"aftercare:{seed}:{name}")  # noqa: S311 - chance for a simulation, no secret of anybody


class SeededIds:
    """Ids for handlers (port: aftercare.clock.Ids). Each function draws from its own source: who runs first changes nothing."""

    def __init__(self, seed: int | str, who: Callable[[], tuple[str, str] | None]) -> None:
        self._seed = seed
        self._who = who
        self._sources: dict[str, Random] = {}

    def new(self) -> str:
        who = self._who()
        name = "outside" if who is None else who[0]
        source = self._sources.get(name)
        if source is None:
            source = self._sources[name] = stream(self._seed, f"ids:{name}")
        return base32(source.randbytes(16))


class ServiceIds:
    """Ids that AWS would make: of events, messages, executions. In the form of a UUID, counted on."""

    def __init__(self, seed: int | str, name: str) -> None:
        self._head = f"{stream(seed, name).getrandbits(48):012x}"
        self._made = 0

    def __call__(self) -> str:
        self._made += 1
        return f"{self._head[:8]}-{self._head[8:]}-4000-8000-{self._made:012x}"


class VirtualNow:
    """The clock port: the virtual clock's instant, moved by `skew` (a machine whose clock is wrong)."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self._now = now
        self.skew = timedelta(0)

    def now(self) -> datetime:
        return self._now() + self.skew if self.skew else self._now()


def secret_text(seed: int | str, logical_id: str, generate: Mapping[str, Any] | None) -> str:
    """What Secrets Manager's GenerateSecretString would make, from the seed. ValueError naming what is not known."""
    given = dict(generate or {})
    length = int(given.pop("PasswordLength", 32))
    excluded = set(str(given.pop("ExcludeCharacters", "")))
    alphabet = ""
    for flag, letters in (
        ("ExcludeLowercase", string.ascii_lowercase),
        ("ExcludeUppercase", string.ascii_uppercase),
        ("ExcludeNumbers", string.digits),
        ("ExcludePunctuation", PUNCTUATION),
    ):
        if not given.pop(flag, False):
            alphabet += letters
    if given.pop("IncludeSpace", False):
        alphabet += " "
    given.pop("RequireEachIncludedType", None)
    template, key = given.pop("SecretStringTemplate", None), given.pop("GenerateStringKey", None)
    if given:
        raise ValueError(f"{logical_id}: GenerateSecretString: {min(given)} is not known to the local cloud")
    source = stream(seed, f"secret:{logical_id}")
    usable = [letter for letter in alphabet if letter not in excluded]
    text = "".join(source.choice(usable) for _ in range(length))
    return text if template is None else json.dumps({**json.loads(template), str(key): text})
