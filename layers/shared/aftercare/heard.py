"""What customers write elsewhere, in reviews, in public and to support: the words as they lie in their history."""

from typing import Annotated

from pydantic import Field

from aftercare.model import Model


class Words(Model):
    """What was written and with which score; `order` is `<shop>:<reference>` where it names one."""

    order: str | None = None
    sku: str | None = None
    score: Annotated[int, Field(ge=1, le=5)] | None = None
    title: str = ""
    text: str = ""
    locale: str | None = None

    @property
    def any(self) -> bool:
        return bool(self.title or self.text)
