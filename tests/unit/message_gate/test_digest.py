"""What can wait a week goes out together for who wants it so: when, of what, and what becomes of each part."""

from dataclasses import replace
from datetime import UTC, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aftercare import keys, ledger, store
from aftercare.cadence import Cadences, weight
from aftercare.caps import Caps, Counted
from aftercare.catalogue import catalogue
from aftercare.consent import Channel, Purpose, Says
from aftercare.consent_log import Spoken, record
from aftercare.customer import OrderLine
from aftercare.decision import Decision, Pass, Reason, State
from aftercare.ground import consent_policy
from aftercare.learned import Learned
from aftercare.learned import weight as learned_weight
from aftercare.outside import Accepted, Busy, Rejected, Uncertain
from aftercare.proposal import Block
from aftercare.switch import Mode, Switch
from aftercare.table import Put, Unclear
from aftercare.wishes import Frequency, QuietHours, Wishes
from message_gate import settlement
from message_gate.candidate import Rival
from message_gate.digest import DAYS, compose, next_turn
from message_gate.frequency import FrequencyPolicy, frequency_policy
from message_gate.rules import RULES, cap, decide, gathered
from message_gate.settlement import NoTimeLeft, open_gate, settle, settle_slot
from tests.builders import NOON, a_customer, an_order, consent_of, said
from tests.ledger_items import CUSTOMER, a_profile
from tests.small_outside import START, Small
from tests.unit.message_gate.test_rules import a_candidate, reorder_proposal

POLICY = frequency_policy()
BERLIN = ZoneInfo("Europe/Berlin")
WEEKLY, EACH = Wishes(version=1, frequency=Frequency.WEEKLY), Wishes(version=1)
GIVEN = consent_of(said(Purpose.REORDER), said(Purpose.PROMOTIONAL, sequence="s2"), said(Purpose.SURVEY, sequence="s3"))
WEEK = timedelta(days=7)


def reminder(family="coffee", **more):
    given = {
        "key": f"reorder-reminder#example:1070:{family}",
        "references": {"order": "example:1070", "family": family},
        "blocks": (Block(kind="reorder", family=family),),
        "not_after": NOON + 2 * WEEK,
    }
    return reorder_proposal(**{**given, **more})


def asked(proposal=None, wishes=WEEKLY, **more):
    customer = a_customer(an_order(), consent=GIVEN, wishes=wishes, held=more.pop("held", ()))
    return gathered(a_candidate(proposal or reminder(), customer, **more))


# ---------------------------------------------------------------- when


@given(
    st.integers(0, 2 * 365 * 24 * 60).map(lambda minutes: NOON + timedelta(minutes=minutes)),
    st.sampled_from(["Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kolkata", "Pacific/Kiritimati", "UTC"]),
    st.text(alphabet="abc", min_size=1, max_size=4),
)
def test_a_turn_comes_within_a_week_on_the_digests_day_by_the_customers_own_clock(now, zone, customer_id):
    there = ZoneInfo(zone)
    at = next_turn(POLICY.digest, there, customer_id, now)
    local = at.astimezone(there)
    assert now < at <= now + WEEK + timedelta(hours=1)
    assert (DAYS[local.weekday()], POLICY.digest.opens <= local.time() < POLICY.digest.closes) == (POLICY.digest.day, True)
    again = next_turn(POLICY.digest, there, customer_id, at)
    assert again.astimezone(there).replace(tzinfo=None) - local.replace(tzinfo=None) == WEEK


def test_the_turns_of_many_customers_are_spread_over_the_hours_of_the_day():
    minutes = [next_turn(POLICY.digest, BERLIN, f"c{n}", NOON).astimezone(BERLIN) for n in range(3000)]
    by_hour = [sum(at.hour == hour for at in minutes) for hour in (9, 10, 11)]
    assert sum(by_hour) == 3000 and min(by_hour) > 900


def test_who_asked_for_one_message_a_week_has_to_wait_for_it_and_the_record_says_why():
    verdict = asked()
    assert (verdict.because, verdict.saw) == (Reason.DIGEST, {"by": "stated"})
    local = verdict.until.astimezone(BERLIN)
    assert (DAYS[local.weekday()], local.date().isoformat()) == ("friday", "2026-03-06")


@pytest.mark.parametrize("wishes", [EACH, Wishes()])
def test_who_did_not_hears_at_once(wishes):
    assert asked(wishes=wishes) == Pass()


def learned_for_digests():
    sums = {"digest_DE-first_delivered": 2000, "digest_DE-first_answered": 800, "single_DE-first_delivered": 2000}
    return Cadences(sums={name: value * float(weight(NOON)) for name, value in sums.items()})


def test_a_group_that_answers_digests_gets_them_unless_the_customer_chose():
    assert asked(wishes=Wishes(), cadences=learned_for_digests()).saw == {"by": "learned"}
    assert asked(wishes=EACH, cadences=learned_for_digests()) == Pass()


@pytest.mark.parametrize(
    "proposal",
    [
        reminder(purpose=Purpose.TRANSACTIONAL),
        reminder(template="order-confirmation"),
        reminder(template="delivery-delayed", purpose=Purpose.TRANSACTIONAL),
    ],
)
def test_news_of_an_order_and_what_is_not_on_the_list_never_wait_for_a_digest(proposal):
    assert asked(proposal) == Pass()


def test_what_would_be_too_late_by_then_goes_by_itself():
    urgent = reminder(not_after=NOON + timedelta(days=3))
    assert asked(urgent).saw == {"by": "stated", "too_late_by_then": True}


def test_a_turn_inside_the_customers_own_quiet_hours_is_after_their_end_and_the_same_for_all_parts():
    quiet = QuietHours(start=time(7), end=time(15), zone="Europe/Berlin")
    wishes = WEEKLY.model_copy(update={"quiet": quiet})
    end = datetime(2026, 3, 6, 14, tzinfo=UTC)
    turns = {asked(reminder(family), wishes=wishes).until for family in ("coffee", "care", "flour")}
    assert len(turns) == 1 and end <= turns.pop() < end + timedelta(minutes=POLICY.rate.spread_minutes)


# ---------------------------------------------------------------- the rules of a digest


def parts(*proposals, **more):
    customer = more.pop("customer", None) or a_customer(an_order(), consent=GIVEN, wishes=WEEKLY)
    return tuple(a_candidate(p, customer, **more) for p in proposals)


def a_digest(*proposals, **more):
    made = parts(*proposals, **{k: v for k, v in more.items() if k in ("customer", "switch")})
    composed = compose([part.proposal for part in made], (), "stated", NOON)
    return a_candidate(composed, made[0].customer, parts=made, **{k: v for k, v in more.items() if k != "customer"})


OFFER = reminder(key="offer#spring", purpose=Purpose.PROMOTIONAL, references={}, unless=(), value=7, not_after=NOON + WEEK)
SURVEY = reminder(key="survey#1", purpose=Purpose.SURVEY, references={}, unless=(), value=0)


def test_a_digest_has_the_strictest_purpose_of_its_parts_and_lasts_as_long_as_the_last():
    proposal = compose([reminder(), OFFER, SURVEY], (), "stated", NOON)
    assert (proposal.purpose, proposal.not_after, proposal.value) == (Purpose.PROMOTIONAL, NOON + 2 * WEEK, 7)
    assert proposal.key.startswith("digest#c0anna:2026-03-02:")


def test_the_same_parts_are_the_same_digest_in_whatever_order_and_others_another():
    composed = [compose(parts, (), "stated", NOON).key for parts in ([OFFER, SURVEY], [SURVEY, OFFER], [OFFER, reminder()])]
    assert composed[0] == composed[1] != composed[2]


def test_a_digest_passes_every_rule_in_order_and_names_its_parts():
    verdict, trace = decide(a_digest(reminder(), OFFER))
    assert verdict == Pass()
    assert [step.rule for step in trace] == [rule.__name__ for rule in RULES]
    step = next(step for step in trace if step.rule == "gathered")
    assert step.saw["parts"] == (reminder().key, OFFER.key)


@pytest.mark.parametrize("counted", [Purpose.SURVEY, Purpose.REORDER])
def test_the_caps_of_every_part_hold_for_the_digest(counted):
    one = Counted(at=NOON - timedelta(hours=1), purpose=counted, channel=Channel.EMAIL, message="m1")
    heard = a_customer(an_order(), consent=GIVEN, wishes=WEEKLY, caps=Caps(version=1, counted=(one,)))
    assert cap(a_digest(OFFER, SURVEY, customer=heard)).because is Reason.CAP_FULL
    if counted is Purpose.SURVEY:
        assert isinstance(cap(a_digest(OFFER, reminder(), customer=heard)), Pass)


def test_a_digest_counts_once_where_any_of_its_parts_counts():
    digest = a_digest(OFFER, SURVEY, reminder())
    (put,) = settlement._count(digest, Channel.EMAIL)
    caps = Caps.model_validate_json(put.item["doc"])
    assert [(c.purpose, set(c.also)) for c in caps.counted] == [(Purpose.PROMOTIONAL, {Purpose.SURVEY, Purpose.REORDER})]
    rooms = {limit.name: limit.room(caps, NOON) for limit in POLICY.caps}
    assert rooms == {"offers-apart": 0, "offers-a-month": 4, "surveys-apart": 0, "surveys-a-month": 5, "texts-a-day": 1}


def test_the_switch_of_every_part_holds_for_the_digest():
    dry = Switch(otherwise=Mode.ON, modes={"survey#email": Mode.DRY})
    assert decide(a_digest(OFFER, SURVEY, switch=dry))[0].because is Reason.DRY_RUN
    assert decide(a_digest(OFFER, reminder(), switch=dry))[0] == Pass()


def test_a_digest_stands_where_its_best_part_would():
    rival = Rival(replace_value(OFFER, 9), NOON)
    assert isinstance(cap(a_digest(reminder(), OFFER, rivals=(rival,))), Pass)
    better = Rival(reminder("bread", value=1000), NOON)
    assert cap(a_digest(reminder(), OFFER, rivals=(better,))).because is Reason.BETTER_WAITS


def replace_value(proposal, value):
    return proposal.model_copy(update={"value": value, "key": f"{proposal.key}-{value}"})


# ---------------------------------------------------------------- from slot to mail


class Posted:
    """A mailer and a timer that keep what they are given; the mailer answers as it is told, then with yes."""

    def __init__(self):
        self.mails, self.slots, self.answers = [], [], []

    def send(self, mail):
        answer = self.answers.pop(0) if self.answers else Accepted("p1")
        self.mails += [mail] if isinstance(answer, (Accepted, Uncertain)) else []
        return answer

    def set(self, customer_id, at):
        self.slots.append(at)


class World:
    def __init__(self, wishes=WEEKLY, consent=GIVEN, policy=POLICY, seconds=60, families=("coffee", "flour", "care")):
        self.small, self.posted = Small(), Posted()
        self.small.mail = self.small.slots = self.posted
        given = {"sender_address": "shop@example.com", "postal_address": "1 Street", "public_base_url": "https://shop.example"}
        self.small.settings = replace(self.small.settings, **given)
        lines = tuple(
            OrderLine(line_ref=str(n), title=f"Some {name}", quantity=1, tags=(f"aftercare:{name}",))
            for n, name in enumerate(families)
        )
        a_profile(self.small, order=an_order(placed_at=START, lines=lines), consent=consent, country="DE")
        self.put(keys.customer(CUSTOMER, keys.WISHES), wishes)
        self.put(keys.switch(), Switch(otherwise=Mode.ON))
        self.policy, self.seconds = policy, seconds

    def put(self, place, doc):
        version = {"version": doc.version} if getattr(doc, "version", 0) else {}
        self.small.tables.twin.write([Put(place, {"doc": doc.to_json(), **version})])

    @property
    def gate(self):
        return open_gate(self.small, [], consent_policy(), self.policy, catalogue, lambda: timedelta(seconds=self.seconds))

    def propose(self, *proposals):
        return [settle(self.gate, p) for p in proposals]

    def ring(self):
        """The customer's slot, as often as it is due now."""
        return settle_slot(self.gate, CUSTOMER)

    def to_turn(self):
        turn = max(m.due_at for m in self.held)
        self.small.clock.at = turn
        return self.ring()

    @property
    def held(self):
        return store.load(self.small.tables, CUSTOMER).held

    def on_ledger(self):
        found = [
            ledger.message_from(item) for item in self.small.tables.twin.partition("customers", f"CUSTOMER#{CUSTOMER}", "9#")
        ]
        return {m.proposal.key: m for m in found}

    def states(self):
        return {key: (m.state, m.last.reason) for key, m in self.on_ledger().items()}


def families():
    """Families of the catalogue that are reminded of, to buy again."""
    return [name for name, f in catalogue().families.items() if f.reorder and f.reorder.offers == "again"][:3]


def reminders(count=2, **more):
    given = {"customer_id": CUSTOMER, "proposed_at": START, "not_after": START + 2 * WEEK}
    return [reminder(name, **{**given, **more}) for name in families()[:count]]


def a_world(**more):
    return World(families=families(), **more)


def test_two_that_waited_are_one_mail_at_the_turn_and_each_names_the_other_side():
    world = a_world()
    one, two = reminders()
    assert {d.reason for d in world.propose(one, two)} == {Reason.DIGEST}
    assert world.posted.mails == []
    (decision,) = world.to_turn()
    assert decision.state is State.SENT
    (mail,) = world.posted.mails
    for name in families()[:2]:
        assert catalogue().families[name].reorder.benefit["de"] in mail.text
    digest = next(m for key, m in world.on_ledger().items() if key.startswith("digest#"))
    assert set(digest.parts) == {one.key, two.key}
    for part in (one, two):
        last = world.on_ledger()[part.key].last
        assert (last.state, last.reason, last.note) == (State.SUPERSEDED, Reason.IN_DIGEST, digest.proposal.key)
    caps = store.load(world.small.tables, CUSTOMER).caps
    assert [c.message for c in caps.counted] == [digest.proposal.message_id]
    assert world.held == ()


def test_the_parts_of_a_digest_are_not_sent_when_they_are_proposed_again():
    world = a_world()
    pair = reminders()
    world.propose(*pair)
    world.to_turn()
    # Whether the invocation has read the ledger, as the handler does, or has read it too early.
    for read in ([], pair):
        gate = open_gate(world.small, read, consent_policy(), POLICY, catalogue, lambda: timedelta(minutes=1))
        assert {settle(gate, p).reason for p in pair} == {Reason.ALREADY_SETTLED}
    assert world.held == () and len(world.posted.mails) == 1


def test_one_that_is_left_goes_as_itself():
    world = a_world()
    world.propose(*reminders(1))
    world.to_turn()
    (mail,) = world.posted.mails
    assert mail.tags["aftercare-message"] == reminders(1)[0].message_id
    assert world.states() == {reminders(1)[0].key: (State.SENT, Reason.SENT)}


def test_what_has_expired_or_lost_its_point_drops_out_and_the_rest_goes():
    world = a_world()
    short, *rest = reminders(3)
    turn = next_turn(POLICY.digest, BERLIN, CUSTOMER, START)
    short = short.model_copy(update={"not_after": turn + timedelta(minutes=5)})
    world.propose(short, *rest)
    assert len(world.held) == 3
    world.small.clock.at = short.not_after  # the slot rang late
    world.ring()
    states = world.states()
    assert states[short.key] == (State.EXPIRED, Reason.TOO_LATE)
    assert [states[p.key] for p in rest] == [(State.SUPERSEDED, Reason.IN_DIGEST)] * 2
    assert len(world.posted.mails) == 1


def test_a_consent_that_was_withdrawn_takes_its_parts_with_it_and_nobody_elses():
    world = a_world()
    offer = reminder(families()[2], key="offer#1", purpose=Purpose.PROMOTIONAL, customer_id=CUSTOMER, proposed_at=START)
    pair = reminders()
    world.propose(*pair, offer)
    no = said(Purpose.PROMOTIONAL, Says.WITHDRAWN, at=NOON + timedelta(hours=1), sequence="s9")
    record(world.small, CUSTOMER, lambda *_: Spoken((no,)), sender="customer", topic="unsubscribe")
    world.to_turn()
    states = world.states()
    assert states["offer#1"] == (State.REFUSED, Reason.CHANNEL_TURNED_OFF)
    assert {states[p.key][1] for p in pair} == {Reason.IN_DIGEST}
    digest = next(m for key, m in world.on_ledger().items() if key.startswith("digest#"))
    assert digest.proposal.purpose is Purpose.REORDER


def test_a_withdrawal_between_decision_and_claim_holds_for_this_digest():
    world = a_world()
    pair = reminders()
    world.propose(*pair)
    world.small.clock.at = max(m.due_at for m in world.held)
    gate = world.gate

    def meanwhile():
        no = said(Purpose.REORDER, Says.WITHDRAWN, at=world.small.clock.at, sequence="s9")
        record(world.small, CUSTOMER, lambda *_: Spoken((no,)), sender="customer", topic="unsubscribe")

    # The first write reserves a place in the sending rate, the second is the claim.
    world.small.tables.before_write += [lambda: None, meanwhile]
    settle_slot(gate, CUSTOMER)
    assert world.posted.mails == []
    assert set(world.states().values()) == {(State.REFUSED, Reason.CHANNEL_TURNED_OFF)}


def test_who_changes_to_each_by_itself_gets_what_waited_when_the_slot_rings():
    world = a_world()
    world.propose(*reminders(1))
    world.put(keys.customer(CUSTOMER, keys.WISHES), EACH.model_copy(update={"version": 2}))
    world.small.clock.at += timedelta(hours=1)
    (decision,) = world.ring()
    assert decision.state is State.SENT


def test_where_the_rate_is_used_up_the_parts_wait_and_come_back_as_one_digest():
    world = a_world()
    world.propose(*reminders())
    world.small.clock.at = turn = max(m.due_at for m in world.held)
    soon = turn + timedelta(minutes=30)
    for shard in range(4):
        world.small.tables.twin.write([Put(keys.rate(Channel.EMAIL, shard), {"free": soon.isoformat().replace("+00:00", "Z")})])
    world.ring()
    assert {(m.last.reason, m.due_at) for m in world.held} == {(Reason.RATE_USED_UP, soon)}
    world.small.clock.at = soon
    world.ring()
    assert [d.state for d in (m.last for m in world.on_ledger().values())].count(State.SUPERSEDED) == 2
    assert len(world.posted.mails) == 1


def test_where_the_cap_is_full_the_parts_wait_and_come_back_as_one_digest():
    world = a_world()
    world.propose(*reminders())
    turn = max(m.due_at for m in world.held)
    one = Counted(at=turn - timedelta(hours=1), purpose=Purpose.REORDER, channel=Channel.EMAIL, message="m1")
    world.put(keys.customer(CUSTOMER, keys.CAPS), Caps(version=1, counted=(one,)))
    world.to_turn()
    assert {m.last.reason for m in world.held} == {Reason.CAP_FULL} and world.posted.mails == []
    world.to_turn()
    assert len(world.posted.mails) == 1 and world.held == ()


def test_a_busy_provider_leaves_no_digest_behind_and_its_parts_come_back_together():
    world = a_world()
    pair = reminders()
    world.propose(*pair)
    world.posted.answers = [Busy("Throttling"), Busy("Throttling")]
    world.to_turn()
    for _ in range(2):
        assert {m.last.reason for m in world.held} == {Reason.PROVIDER_BUSY}
        assert world.on_ledger() == {}
        assert store.load(world.small.tables, CUSTOMER).caps.counted == ()
        assert {p.key for p in pair} == {m.proposal.key for m in world.held}
        world.to_turn()
    waits = [d.until - d.at for m in world.on_ledger().values() for d in m.decisions if d.reason is Reason.PROVIDER_BUSY]
    assert max(waits) >= 2 * timedelta(seconds=30), "the second wait is longer than the first"
    assert len(world.posted.mails) == 1
    assert sorted(s for s, _ in world.states().values()) == [State.SENT, State.SUPERSEDED, State.SUPERSEDED]


def test_a_provider_that_refuses_the_digest_ends_it_and_the_caps_do_not_count_it():
    world = a_world()
    world.propose(*reminders())
    world.posted.answers = [Rejected("MessageRejected")]
    world.to_turn()
    assert sorted(s for s, _ in world.states().values()) == [State.REFUSED, State.SUPERSEDED, State.SUPERSEDED]
    assert store.load(world.small.tables, CUSTOMER).caps.counted == ()


def test_an_answer_that_was_lost_leaves_the_digest_unknown_and_its_parts_are_never_sent_again():
    world = a_world()
    world.propose(*reminders())
    world.posted.answers = [Uncertain("timeout")]
    world.to_turn()
    assert sorted(s for s, _ in world.states().values()) == [State.SUPERSEDED, State.SUPERSEDED, State.UNKNOWN]
    world.small.clock.at += WEEK
    assert world.ring() == ()


def test_an_operator_who_resends_a_digest_gives_its_parts_back_to_be_gathered_anew():
    world = a_world()
    pair = reminders()
    world.propose(*pair)
    world.posted.answers = [Uncertain("timeout")]
    world.to_turn()
    (place, digest) = next((key, m) for key, m in world.on_ledger().items() if key.startswith("digest#"))
    item = world.small.tables.twin.read([keys.ledger(CUSTOMER, digest.proposal.message_id)]).popitem()[1]
    now = world.small.clock.at = world.small.clock.at + timedelta(hours=3)
    again = Decision(at=now, state=State.HELD, reason=Reason.OPERATOR_RESENT, until=now)
    held = [ledger.decided(world.on_ledger()[p.key], again) for p in pair]
    gone = ledger.decided(digest, again.model_copy(update={"state": State.SUPERSEDED, "until": None}))
    assert ledger.to_gate_again(world.small.tables, CUSTOMER, gone, item, now, held)
    assert not ledger.to_gate_again(world.small.tables, CUSTOMER, gone, item, now, held), "only one of two operators"
    world.ring()
    # The one of which nothing is known counts, as it may have arrived.
    assert {m.last.reason for m in world.held} == {Reason.CAP_FULL}
    world.to_turn()
    states = world.states()
    assert states[place] == (State.SUPERSEDED, Reason.OPERATOR_RESENT)
    assert sum(state is State.SENT for state, _ in states.values()) == 1
    assert len(world.posted.mails) == 2


@pytest.mark.parametrize("what", ["before the claim", "after the claim"])
def test_with_too_little_time_left_the_parts_lie_where_they_lay(what):
    world = a_world()
    world.propose(*reminders())
    before = world.held
    world.small.clock.at = max(m.due_at for m in before)
    left = [timedelta(seconds=s) for s in ((14,) if what == "before the claim" else (30, 11))]
    gate = open_gate(world.small, [], consent_policy(), POLICY, catalogue, lambda: left.pop(0))
    with pytest.raises(NoTimeLeft):
        settle_slot(gate, CUSTOMER)
    assert world.held == before and world.on_ledger() == {} and world.posted.mails == []
    assert store.load(world.small.tables, CUSTOMER).caps.counted == ()


def test_a_claim_whose_answer_is_lost_is_taken_back_whole():
    world = a_world()
    world.propose(*reminders())
    before = world.held
    world.small.clock.at = max(m.due_at for m in before)
    gate, twin = world.gate, world.small.tables.twin
    whole = twin.write

    def once(writes):
        whole(writes)
        if any("LEDGER" in write.key.sk for write in writes):
            twin.write = whole
            raise Unclear("the answer was lost")

    twin.write = once
    with pytest.raises(Unclear):
        settle_slot(gate, CUSTOMER)
    assert world.held == before and world.on_ledger() == {} and world.posted.mails == []


def test_a_part_that_cannot_be_written_keeps_nobody_else_waiting():
    world = a_world()
    broken = reminder("no-such-family", customer_id=CUSTOMER, proposed_at=START, not_after=START + 2 * WEEK)
    fine = reminders(1)[0]
    world.propose(fine, broken)
    world.to_turn()
    assert world.states() == {fine.key: (State.SENT, Reason.SENT)}
    assert [m.proposal.key for m in world.held] == [broken.key]


def test_what_finds_no_room_in_a_digest_waits_for_the_next_and_is_not_lost():
    two = POLICY.model_copy(update={"digest": POLICY.digest.model_copy(update={"most": 2})})
    world = a_world(policy=two)
    three = reminders(3)
    world.propose(*three)
    world.to_turn()
    assert sum(state is State.SUPERSEDED for state, _ in world.states().values()) == 2
    (left,) = world.held
    assert left.last.reason is Reason.DIGEST and left.last.trace[-1].saw["left_over"] is True
    assert left.due_at - world.small.clock.at > timedelta(days=6)
    world.to_turn()
    assert world.states()[left.proposal.key] == (State.SENT, Reason.SENT)


def test_messages_to_another_address_than_the_customers_own_are_not_put_together_with_theirs():
    world = a_world()
    order = store.load(world.small.tables, CUSTOMER).order("example:1070")
    theirs = order.model_copy(update={"contact": order.contact.model_copy(update={"email": "gift@example.com"})})
    world.put(keys.order(CUSTOMER, order.key), theirs)
    mine = reminders(1)[0]
    care = reminders(2)[1].model_copy(update={"purpose": Purpose.SERVICE})
    world.propose(mine, care)
    world.to_turn()
    assert {state for state, _ in world.states().values()} == {State.SENT}
    assert [m.recipient for m in world.posted.mails] == ["gift@example.com", "anna@example.com"]


def test_the_mail_says_on_which_arm_it_is_only_for_who_made_no_choice():
    for wishes, teaches in ((WEEKLY, None), (Wishes(), "single_DE-first")):
        world = a_world(wishes=wishes)
        world.propose(*reminders(1))
        if world.held:
            world.to_turn()
        assert world.posted.mails[0].tags.get("aftercare-cadence") == teaches


def test_the_settings_are_refused_where_they_cannot_be_meant():
    told = POLICY.model_dump(mode="json")
    told["digest"] |= {"opens": "12:00:00", "closes": "09:00:00"}
    with pytest.raises(ValueError, match="expected a time after opens"):
        FrequencyPolicy.model_validate(told)


def test_a_part_does_not_wait_for_an_hour_of_its_own_when_its_turn_has_come():
    evening = Learned(hours={21: 50.0 * float(learned_weight(NOON))})
    each = a_candidate(reminder(), replace(a_customer(an_order(), consent=GIVEN, wishes=EACH), learned=evening))
    assert each.better_hour is not None
    part = a_candidate(reminder(), replace(a_customer(an_order(), consent=GIVEN, wishes=WEEKLY), learned=evening))
    assert part.better_hour is None
