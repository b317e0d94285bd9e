"""Money as exact decimal text with its ISO 4217 currency; never a float."""

from decimal import ROUND_HALF_UP, Decimal
from typing import Annotated

from pydantic import BeforeValidator, Field

from aftercare.model import Model

# ISO 4217 minor units that are not two digits (the list's own "E" column).
MINOR_UNITS = {
    **dict.fromkeys(
        [
            "BIF",
            "CLP",
            "DJF",
            "GNF",
            "ISK",
            "JPY",
            "KMF",
            "KRW",
            "PYG",
            "RWF",
            "UGX",
            "UYI",
            "VND",
            "VUV",
            "XAF",
            "XOF",
            "XPF",
        ],
        0,
    ),
    **dict.fromkeys(["BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND"], 3),
}


def _exact(value: object) -> object:
    if isinstance(value, float):
        raise ValueError("money is decimal text, not a float")
    return value


class Money(Model):
    """An amount in one currency, kept at the currency's own precision when shown."""

    # 18 digits before the point and 6 after it. The bounds stand before the function: so pydantic's core checks them, and no
    # functions of Python.
    amount: Annotated[Decimal, Field(allow_inf_nan=False, max_digits=24, decimal_places=6), BeforeValidator(_exact)]
    currency: Annotated[str, Field(pattern=r"^[A-Z]{3}$")]

    @property
    def decimals(self) -> int:
        """Digits after the point that this currency has."""
        return MINOR_UNITS.get(self.currency, 2)

    def rounded(self) -> Decimal:
        """The amount at the currency's precision, halves away from zero."""
        return self.amount.quantize(Decimal(1).scaleb(-self.decimals), rounding=ROUND_HALF_UP)

    def plus(self, other: "Money") -> "Money":
        """The sum. ValueError when the currencies differ."""
        if other.currency != self.currency:
            raise ValueError(f"cannot add {other.currency} to {self.currency}")
        return Money(amount=self.amount + other.amount, currency=self.currency)
