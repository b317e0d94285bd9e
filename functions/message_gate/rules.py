"""The rules that settle a proposal, in their order. The list is the documentation.

Each rule is a pure function of one candidate: it passes, holds until an instant, or refuses, and says what it saw.
"""

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from functools import lru_cache
from zoneinfo import ZoneInfo

from aftercare.clock import iso
from aftercare.decision import Answer, Evidence, Hold, Pass, Reason, Refuse, State, Step, Verdict
from aftercare.ground import Lack, turned_off
from aftercare.switch import Mode
from message_gate.candidate import Candidate, Departure, Rival, rank
from message_gate.frequency import full
from message_gate.hours import OWN, window_around
from message_gate.relevance import relevant

LOOK_AGAIN = (timedelta(minutes=15), timedelta(hours=6))
"""A message that waits for the switch or for a mended template looks again after half its age, within these bounds: few
looks, no long delay."""

AFTER_THE_BETTER = timedelta(minutes=1)
"""So long after the slot of a better message the one that gave way is looked at again."""

MOST_ZONES = 8
"""So many zones stand in a decision record, which an order of the whole world would fill."""


def duplicate(candidate: Candidate) -> Verdict:
    """A key is settled once; whatever comes back under it is acknowledged."""
    if candidate.settled:
        return Refuse(because=Reason.ALREADY_SETTLED, saw={"state": candidate.settled.state})
    if not candidate.held and any(m.proposal.key == candidate.proposal.key for m in candidate.customer.held):
        return Refuse(because=Reason.ALREADY_SETTLED, saw={"state": State.HELD})
    return Pass()


def expired(candidate: Candidate) -> Verdict:
    """After the end of its window a message is not sent any more."""
    if candidate.now >= candidate.proposal.not_after:
        return Refuse(because=Reason.TOO_LATE, state=State.EXPIRED, saw={"not_after": iso(candidate.proposal.not_after)})
    return Pass(saw={"not_after": iso(candidate.proposal.not_after)})


def kill_switch(candidate: Candidate) -> Verdict:
    """A purpose and channel that is switched off waits for its release; an allowlist lets only listed addresses through."""
    modes = {str(c): str(candidate.switch.mode(candidate.proposal.purpose, c)) for c in candidate.open}
    if any(candidate.mode(c) is not Mode.OFF for c in candidate.open):
        return Pass(saw={**modes})
    if Mode.ALLOWLIST in modes.values():
        return Refuse(because=Reason.NOT_ON_ALLOWLIST, saw={**modes})
    return Hold(until=look_again(candidate), because=Reason.SWITCHED_OFF, saw={**modes})


def look_again(candidate: Candidate) -> datetime:
    """When a message is looked at again that waits for somebody to change something here."""
    wait = min(max((candidate.now - candidate.proposal.proposed_at) / 2, LOOK_AGAIN[0]), LOOK_AGAIN[1])
    return min(candidate.now + wait, candidate.proposal.not_after)


_SUPPRESSION = {"hard_bounce": Reason.HARD_BOUNCE, "complaint": Reason.COMPLAINT}


def suppressed(candidate: Candidate) -> Verdict:
    """An address that bounced for good or complained gets nothing."""
    reasons = {str(c): candidate.suppressed(c) for c in candidate.open if c in candidate.addresses}
    if reasons and all(reasons.values()):
        return Refuse(because=_SUPPRESSION[next(r for r in reasons.values() if r)], saw={**reasons})
    return Pass(saw={channel: reason for channel, reason in reasons.items() if reason})


def paused(candidate: Candidate) -> Verdict:
    """Who asked for a pause hears of their orders only; what is still of use after it waits for its end."""
    until = candidate.customer.wishes.pause_of(candidate.proposal.purpose, candidate.now)
    if until is None:
        return Pass()
    saw: Evidence = {"paused_until": iso(until)}
    if until >= candidate.proposal.not_after:
        return Refuse(because=Reason.PAUSED, saw=saw)
    return Hold(until=until, because=Reason.PAUSED, saw=saw)


def channels(candidate: Candidate) -> Verdict:
    """At least one channel is reachable, consented for this purpose and not turned off."""
    if candidate.usable():
        return Pass(saw={**_grounds(candidate), **_why_this(candidate)})
    if not any(c in candidate.addresses for c in candidate.open):
        return Refuse(because=Reason.NO_ADDRESS)
    if candidate.refused_by:
        return Refuse(because=Reason.PROVIDER_REFUSED, saw={"refused_by": tuple(sorted(candidate.refused_by))})
    off = any(turned_off(candidate.customer, c, candidate.proposal.purpose) for c in candidate.open)
    return Refuse(because=Reason.CHANNEL_TURNED_OFF if off else Reason.NO_CONSENT, saw=_lacks(candidate))


def _grounds(candidate: Candidate) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    found = {c: candidate.ground(c, candidate.proposal.purpose) for c in candidate.usable()}
    return {str(c): g.kind for c, g in found.items() if g}


def _lacks(candidate: Candidate) -> dict[str, str | int | bool | tuple[str, ...] | None]:
    found = {c: candidate.judged(c, candidate.proposal.purpose) for c in candidate.open if c in candidate.addresses}
    return {str(c): lack.why for c, lack in found.items() if isinstance(lack, Lack)}


def _why_this(candidate: Candidate) -> dict[str, str]:
    """Why this channel and not another, where there is another."""
    chosen = candidate.chosen
    return {} if chosen.because == "only" else {"first": str(chosen.channels[0]), "because": chosen.because, **chosen.saw}


def send_time(candidate: Candidate) -> Verdict:
    """Not before the proposal's window opens, and only in the hours of every place that the recipient may be in; what can wait
    goes at the hour at which the customer is used to answer.

    A channel whose hours open too late leaves the message to the next one that opens in time (rules C21-C23, H12).
    """
    opens = candidate.proposal.not_before
    if opens and opens > candidate.now:
        return Hold(until=opens, because=Reason.NOT_YET, saw={"not_before": iso(opens)})
    departure = candidate.departure
    if departure is None:
        return Pass()
    saw = _hours_seen(candidate, departure)
    if departure.at == candidate.now:
        better = candidate.better_hour
        if better:
            return Hold(until=better, because=Reason.BETTER_HOUR, saw={**saw, "until": iso(better)})
        return Pass(saw=saw)
    until = candidate.spread(departure.at, departure.hours) if departure.at else candidate.proposal.not_after
    return Hold(until=until, because=Reason.QUIET_HOURS, saw=saw)


def _hours_seen(candidate: Candidate, departure: Departure) -> Evidence:
    """What the hours of the channel, and of a better one that was passed over, were decided on."""
    first = candidate.usable()[0]
    hours = candidate.hours(first)
    if not hours.rules:
        return {}
    saw: Evidence = {"rules": hours.rules}
    if hours.rules != (OWN,):
        where = candidate.whereabouts
        saw |= {
            "known_by": where.known_by,
            "zones": where.zones[:MOST_ZONES],
            "zones_in_all": len(where.zones),
            "local_times": tuple(f"{candidate.now.astimezone(ZoneInfo(z)):%a %H:%M}" for z in where.zones[:MOST_ZONES]),
        }
    quiet = candidate.customer.wishes.quiet
    if quiet and OWN in hours.rules:
        saw["own_quiet_hours"] = f"{quiet.start:%H:%M} to {quiet.end:%H:%M} {quiet.zone}"
    if departure.channel is not first:
        saw |= {"closed": str(first), "instead": str(departure.channel)}
    elif departure.at is None:
        saw["opens"] = "not in its window"
    else:
        window = window_around(hours, departure.at)
        saw |= {"opens": iso(departure.at), "closes": iso(window[1]) if window else None}
        saw["hours_open"] = f"{(window[1] - window[0]) / timedelta(hours=1):g}" if window else None
    return saw


def silence(candidate: Candidate) -> Verdict:
    """Offers, reminders and surveys keep quiet while a case is open, a parcel is at risk or an order felt bad."""
    found = candidate.quiet_for(candidate.proposal.purpose)
    if found is None:
        return Pass()
    again = min(candidate.now + timedelta(hours=candidate.frequency.silence.look_again_hours), candidate.proposal.not_after)
    return Hold(until=again, because=found.because, saw={"about": found.about})


def gathered(candidate: Candidate) -> Verdict:
    """Who would rather hear once a week gets what can wait in one message, on their own day; what cannot wait goes by itself.

    The customer's own choice counts before what their group was seen to prefer.
    """
    if candidate.parts:
        return Pass(saw={"parts": tuple(part.proposal.key for part in candidate.parts)})
    if candidate.cadence is None or not candidate.gathers:
        return Pass()
    saw: Evidence = {"by": candidate.cadence.because}
    if candidate.turn_came and not candidate.left_over:
        return Pass(saw={**saw, "alone": True})
    until = candidate.next_turn()
    if until is None:
        return Pass(saw={**saw, "too_late_by_then": True})
    return Hold(until=until, because=Reason.DIGEST, saw={**saw, "left_over": True} if candidate.left_over else saw)


def cap(candidate: Candidate) -> Verdict:
    """A customer hears so much in any window and no more; the place goes to the best message that waits for it."""
    proposal, now = candidate.proposal, candidate.now
    limits = candidate.limits
    if not limits:
        return Pass()
    caps, (factor, signs) = candidate.customer.caps, candidate.stretch
    saw: Evidence = {"stretched": f"{factor:g}", "signs": signs} if signs else {}
    if not candidate.sendable:
        shut = [full(caps, limits, c, now, factor) for c in candidate.open_now]
        first = min((f for f in shut if f), key=lambda f: (f.opens, f.limit.name))
        until = min(first.opens, proposal.not_after)
        return Hold(until=until, because=Reason.CAP_FULL, saw={**saw, "limit": first.limit.name, "opens": iso(first.opens)})
    better = _better(candidate, factor)
    if better:
        until = min(max(better.at, now) + AFTER_THE_BETTER, proposal.not_after)
        return Hold(until=until, because=Reason.BETTER_WAITS, saw={**saw, "better": better.proposal.key})
    channel = candidate.sendable[0]
    room = {one.name: one.room(caps, now, factor) for one in limits if one.on(channel)}
    return Pass(saw={**saw, "channel": str(channel), **room})


def _better(candidate: Candidate, factor: float) -> Rival | None:
    """The rival that would find no room if this message went first, where there is one."""
    now, channel, own = candidate.now, candidate.sendable[0], candidate.rank
    for limit in candidate.limits:
        if not limit.on(channel):
            continue
        ahead = [
            rival
            for rival in candidate.rivals
            if rival.proposal.purpose in limit.purposes
            and rank(rival.proposal) < own
            and rival.at < now + limit.window(factor)
            and max(rival.at, now) < rival.proposal.not_after
        ]
        if len(ahead) >= limit.room(candidate.customer.caps, now, factor):
            return max(ahead, key=lambda rival: (rival.at, rank(rival.proposal)))
    return None


def dry_run(candidate: Candidate) -> Verdict:
    """A stage in dry decides everything and sends nothing."""
    if not candidate.sendable or candidate.mode(candidate.sendable[0]) is Mode.DRY:
        return Refuse(because=Reason.DRY_RUN)
    return Pass()


Rule = Callable[[Candidate], Verdict]

RULES: tuple[Rule, ...] = (
    duplicate,
    expired,
    kill_switch,
    relevant,
    suppressed,
    paused,
    channels,
    silence,
    send_time,
    gathered,
    cap,
    dry_run,
)

OF_PARTS = tuple(rule for rule in RULES if rule not in (gathered, cap, dry_run))
"""What each part of a digest is asked by itself; the rest is asked of the digest, which counts once."""


@lru_cache(maxsize=64)
def _passed(rule: str) -> Step:
    """A rule that saw nothing says the same of every message."""
    return Step(rule=rule, said="pass")


def decide(candidate: Candidate, rules: Iterable[Rule] = RULES) -> tuple[Verdict, tuple[Step, ...]]:
    """The first verdict that is not a pass, or a pass, with the trace of every rule asked."""
    trace: list[Step] = []
    for rule in rules:
        verdict = rule(candidate)
        if isinstance(verdict, Pass) and not verdict.saw:
            trace.append(_passed(rule.__name__))
            continue
        said: Answer = "pass"
        because = None
        if not isinstance(verdict, Pass):
            said = "hold" if isinstance(verdict, Hold) else "refuse"
            because = verdict.because
        trace.append(Step(rule=rule.__name__, said=said, because=because, saw=verdict.saw))
        if said != "pass":
            return verdict, tuple(trace)
    return Pass(), tuple(trace)
