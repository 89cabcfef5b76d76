"""A backend for tests: repeats the beginning of each prompt, which it takes as a text."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from ecslm.prediction.backend import Backend, Generated, Request
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.record import Record


class ParrotSettings(PredictionSettings):
    backend: Literal["parrot"]


SETTINGS = ParrotSettings


def libraries(_settings: ParrotSettings, tuned: bool) -> tuple[str, ...]:
    return ("pydantic", "torch") if tuned else ("pydantic",)


def identity(request: Request[ParrotSettings]) -> str:
    assert request.base is not None
    return request.base.read_text(encoding="utf-8")


def open_backend(request: Request[ParrotSettings]) -> Backend["Text"]:
    return Parrot(request)


@dataclass(frozen=True)
class Text:
    text: str
    truncated: bool = False


class Parrot:
    def __init__(self, request: Request[ParrotSettings]) -> None:
        self._request = request
        self._batches = 0

    def prompts(self, records: Sequence[Record]) -> list[Text]:
        template, shots = self._request.prompt_template(), self._request.settings.shots
        return [Text(template.render(record, shots)) for record in records]

    def batches(self, prompts: Sequence[Text]) -> list[list[int]]:
        return [list(range(len(prompts)))[start : start + 3] for start in range(0, len(prompts), 3)]

    def load(self) -> None:
        pass

    def generate(self, prompts: Sequence[Text], batch: int) -> list[Generated]:
        assert batch == self._batches
        self._batches += 1
        return [Generated(prompt.text[:9], len(prompt.text), 9, "stop") for prompt in prompts]

    def cost(self) -> dict[str, float | str | None]:
        return {"price": 0.25 * self._batches}
