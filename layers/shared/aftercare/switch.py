"""The kill switch: per purpose and channel off, dry, allowlist or on. A new stage starts in dry."""

from collections.abc import Mapping
from enum import StrEnum

from aftercare.consent import Channel, Purpose
from aftercare.model import Model
from aftercare.table import Item


class Mode(StrEnum):
    """What may leave: nothing and no decision; decisions only; to listed addresses only; everything."""

    OFF = "off"
    DRY = "dry"
    ALLOWLIST = "allowlist"
    ON = "on"


class Switch(Model):
    """The stage's switch. `modes` is keyed `<purpose>#<channel>`; `allowed` holds keyed hashes of addresses."""

    version: int = 0
    otherwise: Mode = Mode.DRY
    modes: Mapping[str, Mode] = {}
    allowed: tuple[str, ...] = ()

    def mode(self, purpose: Purpose, channel: Channel) -> Mode:
        return self.modes.get(f"{purpose}#{channel}", self.otherwise)


def switch_from(item: Item | None) -> Switch:
    """The switch as it lies in the table; absent means that the stage is new."""
    return Switch.model_validate_json(str(item["doc"])) if item else Switch()
