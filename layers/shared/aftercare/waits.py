"""Starting a workflow that waits for one customer: noted in their partition first, so that erasure can stop it by its name."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from aftercare import keys
from aftercare.clock import iso
from aftercare.outside import Outside
from aftercare.retention import WAIT
from aftercare.table import Item, Put


def start(outside: Outside, state_machine: str, key: str, customer_id: str, at: datetime, payload: Mapping[str, Any]) -> bool:
    """Wait until an instant under the key's short name; False when one of that name already runs or ran.

    `payload` is what the woken function gets: ids, times, numbers and enumerated words only, because the history of an
    execution cannot be erased by person. TableError, before anything is started.
    """
    name = keys.message_id(key)
    note: Item = {"machine": state_machine, "key": key, "until": iso(at), "expires_at": WAIT.ends(at)}
    outside.tables.write([Put(keys.wait(customer_id, name), note)])
    return outside.waits.start(state_machine, name, at, {"key": key, "customer_id": customer_id, **payload})
