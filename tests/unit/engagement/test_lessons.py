"""What becomes of a message teaches which kind a group answers: once for each message, and of nobody who has chosen."""

import pytest

from aftercare import keys
from aftercare.cadence import Arm, cadences_from
from tests.ledger_items import a_profile
from tests.small_outside import START
from tests.unit.engagement.test_engagement import hear, sent, ses


def taught(name, message, tag="digest_DE-again", event_id=None):
    event = ses(name, message, event_id=event_id)
    if tag is not None:
        event["detail"]["mail"]["tags"]["aftercare-cadence"] = [tag]
    return event


def known(small):
    return cadences_from(small.tables.twin.read([keys.cadence()]).get(keys.cadence()))


def answers(small):
    delivered, answered = known(small).of(Arm.DIGEST, "DE-again", START)
    return round(delivered, 2), round(answered, 2)


@pytest.fixture
def message(small):
    a_profile(small)
    return sent(small)


def test_a_message_counts_as_delivered_once_and_as_answered_once_however_often_it_is_clicked(small, message):
    hear(taught("EmailDelivered", message), taught("EmailDelivered", message))
    hear(*(taught("EmailClicked", message, event_id=f"click-{n}") for n in range(3)))
    delivered, answered = answers(small)
    assert delivered == pytest.approx(1, abs=0.05) and answered == pytest.approx(1, abs=0.05)


def test_an_open_is_no_answer(small, message):
    hear(taught("EmailDelivered", message), taught("EmailOpened", message))
    assert answers(small)[1] == 0


@pytest.mark.parametrize("tag", [None, "", "digest", "everything_DE-again", "digest_DE-again_delivered"])
def test_a_message_that_teaches_nothing_leaves_the_sums_as_they_are(small, message, tag):
    hear(taught("EmailDelivered", message, tag), taught("EmailClicked", message, tag))
    assert known(small).sums == {}


def test_an_event_about_a_message_that_nobody_knows_teaches_nothing(small):
    a_profile(small)
    hear(taught("EmailDelivered", None))
    assert known(small).sums == {}
