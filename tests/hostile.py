"""Values that no sender should send, and real bodies with some of them in it."""

import copy
import json

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st

from tests.examples import tries

HOSTILE = (
    *map(json.dumps, (None, True, False, 0, -1, 10**30, -(10**400), 1.5, 1e308, float("nan"), float("inf"))),
    *map(json.dumps, ("", " ", "NaN", "-Infinity", "1e999999", "0x1F", "1,5", "٣٤٥", "9" * 5000)),
    *map(json.dumps, ("\x00", "a\x00b", "\x1b[2J", "\ud800", "a\udfff", "\ud83d\ude00", "\u202e\u200fcba", "e\u0301" * 50)),
    *map(json.dumps, ("en\n", "DE\n", "EUR\n", "a\r\nBcc: other@example.com", "gid://shopify/Order/1\n", "shop.example\n")),
    *map(json.dumps, ("#", "a#b", "{{ 7 * 7 }}", "<script>alert(1)</script>", "javascript:alert(1)", "https://example.com/\n")),
    *map(json.dumps, ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00", "now")),
    *map(json.dumps, ("1969-12-31T23:59:59Z", "2026-02-30T00:00:00Z", "2026-03-02T09:00:00", "2026-03-02T24:00:00Z")),
    *map(json.dumps, ([], {}, [None], [[]], [{}], {"a": 1}, {"\ud800": "\x00"})),
    *map(json.dumps, ("x" * 240_000, [{}] * 20_000, ["x"] * 20_000, {str(n): n for n in range(10_000)})),
    *("[" * depth + "]" * depth for depth in (400, 20_000)),
    *('"a\ud800"', '"a\nb"', "1e999999", "-0", "9" * 4000, "9" * 5000, "tru", '"\\u12"', "//"),
)
"""As JSON text, or what is nearly JSON: some of it no program would write."""


def places(value, at=()):
    yield at
    if isinstance(value, dict):
        for name, inner in value.items():
            yield from places(inner, (*at, name))
    elif isinstance(value, list):
        for number, inner in enumerate(value):
            yield from places(inner, (*at, number))


def with_value(content, at, value):
    if not at:
        return value
    changed = copy.copy(content)
    changed[at[0]] = with_value(content[at[0]], at[1:], value)
    return changed


@st.composite
def odd(draw, found):
    """A real body as text, with one to three of its values replaced."""
    name, content = draw(st.sampled_from(found))
    spots = list(places(content))
    text = {}
    for number in range(draw(st.integers(1, 3))):
        mark = f"@{number}@"
        try:
            content = with_value(content, spots[draw(st.integers(0, len(spots) - 1))], mark)
        except TypeError:
            continue  # the place lies inside one that was replaced
        text[json.dumps(mark)] = HOSTILE[draw(st.integers(0, len(HOSTILE) - 1))]
    made = json.dumps(content)
    for mark, value in text.items():
        made = made.replace(mark, value)
    return name, made


many = settings(
    max_examples=tries(150),
    derandomize=True,
    deadline=None,
    database=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.function_scoped_fixture],
)
