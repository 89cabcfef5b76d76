"""The base of settings and of other forms that name all of their fields."""

from collections.abc import Iterable
from typing import Any

from pydantic import AfterValidator, BaseModel, ConfigDict


class Closed(BaseModel):
    """Unknown keys are errors, and nothing changes after validation."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _in_order(values: Iterable[Any]) -> tuple[Any, ...]:
    return tuple(sorted(values))


# Values whose order in the configuration has no meaning: another one changes no setting.
AnyOrder = AfterValidator(_in_order)
