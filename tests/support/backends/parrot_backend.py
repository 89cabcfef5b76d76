"""A backend for tests: repeats the beginning of each prompt, which it takes as a text."""

from collections.abc import Sequence
from dataclasses import dataclass

from ecslm.prediction.backend import Backend, Generated, Request
from ecslm.prediction.settings import PredictionSettings
from ecslm.schemas.record import Record


def libraries(_settings: PredictionSettings, tuned: bool) -> tuple[str, ...]:
    return ("pydantic", "torch") if tuned else ("pydantic",)


def identity(request: Request) -> str:
    return request.base.read_text(encoding="utf-8")


def open_backend(request: Request) -> Backend["Text"]:
    return Parrot(request)


@dataclass(frozen=True)
class Text:
    text: str
    truncated: bool = False


class Parrot:
    def __init__(self, request: Request) -> None:
        self._request = request
        self._batches = 0

    def prompts(self, records: Sequence[Record]) -> list[Text]:
        render, shots = self._request.template.render, self._request.settings.shots
        return [Text(render(record, shots)) for record in records]

    def batches(self, prompts: Sequence[Text]) -> list[list[int]]:
        return [list(range(len(prompts)))[start : start + 3] for start in range(0, len(prompts), 3)]

    def load(self) -> "Parrot":
        return self

    def generate(self, prompts: Sequence[Text], batch: int) -> list[Generated]:
        assert batch == self._batches
        self._batches += 1
        return [Generated(prompt.text[:9], len(prompt.text), 9, True) for prompt in prompts]

    def cost(self) -> dict[str, float | str | None]:
        return {"price": 0.25 * self._batches}
