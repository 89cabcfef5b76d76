"""A backend for tests: repeats the beginning of each prompt, which it takes as a text."""

from collections.abc import Sequence
from typing import Literal

from ecslm.families.backend import Backend, Generated, Prompt, required
from ecslm.families.settings import PredictionSettings
from ecslm.schemas.record import Record


class ParrotSettings(PredictionSettings):
    LIBRARIES = ("pydantic",)

    backend: Literal["parrot"]


class Parrot(Backend[ParrotSettings, Prompt]):
    SETTINGS = ParrotSettings
    NEEDS = ("base", "template")
    answered = 0

    def identity(self) -> str:
        return required(self._request.base).read_text(encoding="utf-8")

    def prompts(self, records: Sequence[Record]) -> list[Prompt]:
        template, shots = self._request.prompt_template(), self._request.settings.shots
        return [Prompt(record, template.render(record, shots), False) for record in records]

    def batches(self, prompts: Sequence[Prompt]) -> list[list[int]]:
        return [list(range(len(prompts)))[start : start + 3] for start in range(0, len(prompts), 3)]

    def generate(self, prompts: Sequence[Prompt], batch: int) -> list[Generated]:
        assert batch == self.answered
        self.answered += 1
        texts = [prompt.text or "" for prompt in prompts]
        return [Generated(text[:9], len(text), 9, "stop") for text in texts]

    def cost(self) -> dict[str, float | str | None]:
        return {"price": 0.25 * self.answered}


BACKEND = Parrot
