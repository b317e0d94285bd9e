"""A link's request in, a page out. GET never changes anything: mail scanners open every link."""

from typing import Any

from aftercare import telemetry


def handle(event: dict[str, Any], context: Any) -> Any:
    from customer_pages import routes

    try:
        return routes.answer(event, context)
    finally:
        telemetry.flush()
