"""The code that a shop reads when goods are brought back: the return's reference and nothing else."""

from importlib import import_module

from markupsafe import Markup

ERRORS = "m"
"""A code of which about 15 percent may be hidden: it is read from a telephone's screen."""

QUIET = 4
"""Light modules around a code (ISO/IEC 18004)."""


def code_of(ref: str) -> Markup:
    """The reference as SVG, dark on light in every colour scheme. It is scaled by whoever shows it."""
    # The library comes with the first code, which few pages have.
    made = import_module("segno").make(ref, error=ERRORS, micro=False)
    drawn = made.svg_inline(border=QUIET, dark="#000", light="#fff", omitsize=True, svgclass="code", lineclass=None)
    return Markup(drawn)  # noqa: S704 - drawn by the library from numbers
