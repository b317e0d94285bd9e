"""A publication in, a wave of proposals out, page by page; each page hands on to the next through the function's own queue.

A page may be brought twice and a crash may fall between any two steps: proposals are the same again (the gate settles each
once), the wave's item moves on once, and whoever finds it moved on hands on what comes next.
"""

from collections.abc import Mapping
from typing import Any

from aftercare import telemetry
from aftercare.entry import queue_handler
from aftercare.events import Told
from aftercare.gate_queue import propose
from aftercare.outside import Outside
from product_news.pages import hand_on, progress_of, read_page, start, turn
from product_news.wave import proposals


def on_publication(event: Told, outside: Outside) -> str:
    progress = start(outside, event.data.publication, event.id, event.correlation_id)
    if progress.ended:
        return "nothing: the wave has ended"
    hand_on(outside, progress)
    return "wave started"


def on_page(payload: Mapping[str, Any], outside: Outside) -> str:
    progress = progress_of(outside, payload["wave"])
    if progress is None or progress.ended:
        return "nothing: the wave has ended"
    if payload["cursor"] != progress.cursor:
        hand_on(outside, progress)
        return "nothing: the page was turned before"
    page = read_page(outside, progress)
    found = proposals(page, progress.wave)
    for proposal in found.proposals:
        propose(outside, proposal)
    if found.too_late:
        telemetry.count("WaveTooLate", found.too_late)
    following = turn(outside, progress, page)
    if following:
        hand_on(outside, following)
    return f"proposed: {len(found.proposals)}"


handle = queue_handler({"ProductRestocked": on_publication, "AnnouncementPublished": on_publication}, on_page)
