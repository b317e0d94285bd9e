"""The caps hold when invocations race: each claim counts in its own transaction, whoever is between whose steps."""

from datetime import timedelta
from types import SimpleNamespace

from hypothesis import given, settings
from hypothesis import strategies as st

from aftercare import keys, ledger, store
from aftercare.caps import Limit, longest
from aftercare.consent import Channel, Purpose
from aftercare.customer import Profile
from aftercare.decision import Decision, Message, Reason, State
from aftercare.table import Put
from message_gate.settlement import _count, _uncount
from simulator.memory.tables import MemoryTables
from tests.builders import a_proposal
from tests.examples import tries
from tests.ledger_items import CUSTOMER
from tests.small_outside import Now

LIMITS = (
    Limit(name="a-day", purposes=(Purpose.REORDER, Purpose.PROMOTIONAL), at_most=1, hours=16),
    Limit(name="a-week", purposes=(Purpose.REORDER, Purpose.PROMOTIONAL, Purpose.SURVEY), at_most=2, hours=168),
    Limit(name="texts", purposes=(Purpose.PROMOTIONAL,), channels=(Channel.SMS,), at_most=1, hours=48),
)


class Invocation:
    """One that settles one message in steps: it reads the record, decides, claims, and says what became of the send."""

    def __init__(self, tables, clock, number, purpose, channel, fate):
        self.tables, self.clock, self.number = tables, clock, number
        self.purpose, self.channel, self.fate = purpose, channel, fate
        self.steps = self.run()

    def run(self):
        customer = store.load(self.tables, CUSTOMER)
        yield
        now = self.clock.now()
        limits = tuple(limit for limit in LIMITS if limit.applies(self.purpose, self.channel))
        proposal = a_proposal(key=f"offer#{self.number}", customer_id=CUSTOMER, purpose=self.purpose)
        if any(limit.opens(customer.caps, now) > now for limit in limits):
            return
        yield
        asks = SimpleNamespace(
            proposal=proposal, customer=customer, limits=limits, purposes=(self.purpose,), now=now,
            frequency=SimpleNamespace(kept=longest(LIMITS)),
        )  # fmt: skip
        count, uncount = _count(asks, self.channel), _uncount(asks, self.channel)
        decision = Decision(at=now, state=State.CLAIMED, reason=Reason.CLAIMED)
        message = Message(proposal=proposal, state=State.CLAIMED, decisions=(decision,), channel=str(self.channel))
        token = f"t{self.number}"
        got = ledger.claim(self.tables, customer, message, token, now, None, count, lambda: uncount)
        if not isinstance(got, ledger.Claimed):
            return
        yield
        if self.fate == "crashes":
            return  # the claim stands until its lease is over; it counts
        if self.fate == "given back" and ledger.release(self.tables, CUSTOMER, message, token, None, now, uncount):
            return
        sent = message.model_copy(update={"state": State.SENT, "sent_at": now})
        ledger.settle(self.tables, CUSTOMER, sent, token, self.clock.now())


races = st.lists(
    st.tuples(
        st.sampled_from([Purpose.PROMOTIONAL, Purpose.REORDER, Purpose.SURVEY]),
        st.sampled_from([Channel.EMAIL, Channel.SMS]),
        st.sampled_from(["sent", "sent", "given back", "crashes"]),
    ),
    min_size=2,
    max_size=8,
)


@settings(max_examples=tries(200), deadline=None)
@given(races, st.lists(st.tuples(st.integers(0, 7), st.sampled_from([0, 1, 60, 700, 3000])), max_size=60))
def test_in_any_interleaving_of_claims_no_window_holds_more_than_its_limit(what, turns):
    """Each turn lets one invocation take one step and some minutes pass; in the end all finish. What left (or may have left)
    is within every limit, and it is exactly what the record counts."""
    clock = Now()
    tables = MemoryTables(clock.now)
    profile = Profile(version=1, first_seen=clock.now())
    tables.write([Put(keys.customer(CUSTOMER, keys.PROFILE), {"doc": profile.to_json(), "version": 1})])
    running = [Invocation(tables, clock, number, *each) for number, each in enumerate(what)]
    for turn, minutes in turns:
        if turn < len(running):
            next(running[turn].steps, None)
        clock.at += timedelta(minutes=minutes)
    for one in running:
        for _ in one.steps:
            pass
    items = tables.partition("customers", f"CUSTOMER#{CUSTOMER}", keys.LEDGER)
    left = [(m, m.decisions[0].at, Channel(m.channel)) for m in map(ledger.message_from, items)]
    for limit in LIMITS:
        counted = sorted(at for m, at, channel in left if limit.applies(m.proposal.purpose, channel))
        for first in counted:
            assert sum(first <= at < first + limit.window(1.0) for at in counted) <= limit.at_most, limit.name
    caps = store.load(tables, CUSTOMER).caps
    recent = {m.proposal.message_id for m, at, _ in left if at + longest(LIMITS) > clock.now()}
    assert recent <= {one.message for one in caps.counted} <= {m.proposal.message_id for m, _, _ in left}
