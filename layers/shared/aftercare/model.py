"""The one base of every data shape: frozen, closed, and fast to read back from its JSON text."""

from collections.abc import Mapping
from datetime import UTC, datetime
from enum import StrEnum
from operator import attrgetter
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field

EARLIEST, LATEST = datetime(1970, 1, 1, tzinfo=UTC), datetime(2200, 1, 1, tzinfo=UTC)

Instant = Annotated[AwareDatetime, Field(ge=EARLIEST, lt=LATEST)]
"""A time that a sender gives. Every zone's clock can show it, and days can be added to it, which year 1 and 9999 deny."""


class Term(StrEnum):
    """A closed list of words that models have as fields.

    A model reads `value` of each such field that it writes, and Python's own goes through two functions of Python.
    """

    if not TYPE_CHECKING:  # a type checker takes it for a member
        value = property(attrgetter("_value_"))


class Model(BaseModel):
    """A value: unchangeable after it was made; an unknown field is an error that names it, not its text.

    Validators are built with a model's first use, not at import. So a default that is a model is made with
    `model_construct()`, which needs none.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True, hide_input_in_errors=True)

    def model_copy(self, *, update: Mapping[str, Any] | None = None, deep: bool = False) -> Self:
        """The value with other fields, which are not checked. No value here has extra or private attributes, for which pydantic's
        own takes the way through the copy module."""
        if deep:
            return super().model_copy(update=update, deep=True)
        changes = update or {}
        after = self.__class__.__new__(self.__class__)
        object.__setattr__(after, "__dict__", {**self.__dict__, **changes})
        object.__setattr__(after, "__pydantic_fields_set__", {*self.__pydantic_fields_set__, *changes})
        object.__setattr__(after, "__pydantic_extra__", None)
        object.__setattr__(after, "__pydantic_private__", None)
        return after

    def __eq__(self, other: object) -> bool:
        """Equal where the class and all fields are. Pydantic's own looks for extra and private attributes first; a field with a
        default is compared to it whenever its value is written out."""
        if self.__class__ is other.__class__:
            own, others = self.__dict__, other.__dict__
            if own == others:
                return True
            if len(own) == len(others) == len(self.__class__.__pydantic_fields__):
                return False  # nothing beside the fields, such as a property that is kept
        return super().__eq__(other)

    def to_json(self) -> str:
        """Compact JSON without absent fields, the form in which a value lies in a table or travels in an event."""
        # model_dump_json without the way through its twenty parameters: this is called for all that is kept.
        return self.__pydantic_serializer__.to_json(self, exclude_none=True, exclude_defaults=True).decode()
