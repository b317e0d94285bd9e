"""`aftercare switch`: what may leave a stage, per purpose and channel."""

from __future__ import annotations

import argparse
from typing import Any

from aftercare import identity, keys
from aftercare.consent import Channel, Purpose
from aftercare.store import versioned
from aftercare.switch import Mode, Switch, switch_from
from aftercare.table import ConditionFailed
from simulator.commands import options, records
from simulator.commands.problem import BadInput
from simulator.commands.records import Records
from simulator.commands.terminal import say, say_json, table

MEANS = {
    Mode.OFF: "nothing leaves; messages wait until their window closes",
    Mode.DRY: "everything is decided, nothing leaves",
    Mode.ALLOWLIST: "only listed addresses get messages",
    Mode.ON: "messages leave",
}


def add(parsers: Any) -> None:
    parser = options.word(
        parsers,
        "switch",
        run,
        "show or set what may leave a stage: off, dry, allowlist or on, per purpose and channel",
        """\
  aftercare switch show --stack aftercare
  aftercare switch set allowlist --allow me@example.com --stack aftercare
  aftercare switch set on --purpose transactional --stack aftercare
  aftercare switch set off --stack aftercare            everything stops, at once
""",
    )
    verbs = parser.add_subparsers(dest="verb", metavar="show|set", required=True, parser_class=type(parser))
    show = verbs.add_parser("show", help="how the switch stands")
    change = verbs.add_parser("set", help="change it")
    change.add_argument("mode", choices=[str(mode) for mode in Mode], help="; ".join(f"{mode}: {MEANS[mode]}" for mode in Mode))
    change.add_argument("--purpose", choices=[str(p) for p in Purpose], help="only this purpose (default: all)")
    change.add_argument("--channel", choices=[str(c) for c in Channel], help="only this channel (default: all)")
    change.add_argument("--allow", metavar="ADDRESS", action="append", default=[], help="put an address on the allowlist")
    change.add_argument("--disallow", metavar="ADDRESS", action="append", default=[], help="take an address off the allowlist")
    for each in (show, change):
        options.records(each)
        options.as_json(each)


def run(arguments: argparse.Namespace) -> int:
    where = records.of(arguments)
    switch = read(where)
    if arguments.verb == "set":
        allow, disallow = (_hashes(where, listed) for listed in (arguments.allow, arguments.disallow))
        purpose = Purpose(arguments.purpose) if arguments.purpose else None
        channel = Channel(arguments.channel) if arguments.channel else None
        after = changed(switch, Mode(arguments.mode), purpose, channel, allow, disallow)
        try:
            write(where, switch, after)
        except ConditionFailed:
            raise BadInput("the switch was changed by somebody else meanwhile: look at it, then set it again") from None
        where.keep()
        switch = after.model_copy(update={"version": switch.version + 1})
    if arguments.json:
        say_json({"where": where.name, **switch.model_dump(mode="json")})
        return 0
    say(f"{where.name}, version {switch.version}")
    rows = [("everything else" if switch.modes else "everything", str(switch.otherwise), MEANS[switch.otherwise])]
    rows = [(name.replace("#", " by "), str(mode), MEANS[mode]) for name, mode in sorted(switch.modes.items())] + rows
    for line in table(rows, indent="  "):
        say(line)
    if switch.allowed:
        say(f"  {len(switch.allowed)} addresses on the allowlist (kept as keyed hashes)")
    return 0


def read(where: Records) -> Switch:
    return switch_from(where.tables.read([keys.switch()]).get(keys.switch()))


def changed(
    switch: Switch,
    mode: Mode,
    purpose: Purpose | None = None,
    channel: Channel | None = None,
    allow: tuple[str, ...] = (),
    disallow: tuple[str, ...] = (),
) -> Switch:
    """The switch after setting one purpose, one channel, both or everything."""
    allowed = tuple(dict.fromkeys((*(a for a in switch.allowed if a not in disallow), *allow)))
    if purpose is None and channel is None:
        return switch.model_copy(update={"otherwise": mode, "modes": {}, "allowed": allowed})
    places = [f"{p}#{c}" for p in ([purpose] if purpose else list(Purpose)) for c in ([channel] if channel else list(Channel))]
    return switch.model_copy(update={"modes": {**switch.modes, **dict.fromkeys(places, mode)}, "allowed": allowed})


def write(where: Records, before: Switch, after: Switch) -> None:
    """ConditionFailed when somebody else has set it since."""
    kept = after.model_copy(update={"version": before.version + 1})
    where.tables.write([versioned(keys.switch(), kept.to_json(), before.version)])


def _hashes(where: Records, addresses: list[str]) -> tuple[str, ...]:
    hashes = []
    for address in addresses:
        plain = identity.email(address)
        if plain is None:
            raise BadInput(f"{address}: expected an e-mail address")
        hashes.append(identity.keyed_hash(where.identity_secret, plain))
    return tuple(hashes)
