"""What an order's mail brings along is told of it, so that a withdrawal is measured against it too."""

import json

from aftercare.decision import Message
from simulator.cloud import LocalCloud
from simulator.report.rights import carried, withdrawals
from tests.journeys.conftest import Shop


def confirmations(cloud):
    ledger = [json.loads(str(i["doc"])) for i in cloud.items("CustomerTable") if str(i["sk"]).startswith("9#LEDGER#")]
    found = [Message.model_validate(one) for one in ledger if one["proposal"]["template"] == "order-confirmation"]
    return sorted(found, key=lambda one: one.proposal.key)


def test_an_offer_in_a_confirmation_is_named_in_its_record_and_gone_after_the_withdrawal():
    with LocalCloud("memory", seed=3, switch="on") as cloud:
        shop = Shop(cloud)
        camera = {"product_type": "Camera", "title": "Field camera"}
        shop.order("1", consent=["promotional"], **camera)
        cloud.advance(days=2)
        said = [{"channel": "email", "purpose": "promotional", "says": "withdrawn"}]
        at = cloud.now.isoformat()
        shop.put("ConsentChanged", contact={"email": "anna@example.com"}, said=said, occurred_at=at)
        cloud.advance(days=2)
        shop.order("2", **camera)
        cloud.advance(days=1)
        with_offer, without = confirmations(cloud)
        assert carried(with_offer) == {"transactional", "promotional"}
        assert carried(without) == {"transactional"}
        (gone,) = [w for w in withdrawals(cloud.items("CustomerTable"), (with_offer, without)) if w.purpose == "promotional"]
        assert gone.last_after is None
