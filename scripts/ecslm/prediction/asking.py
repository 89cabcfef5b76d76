"""Asking a model a user's own question, outside of a study's jobs, through the same backend."""

import json
from typing import Any

from pydantic import ValidationError

from ecslm.common.errors import InputError, field_problems
from ecslm.common.text import shown
from ecslm.prediction.backend import Generated, Prompt, Request, backend_module
from ecslm.schemas.record import GivenRecord, Record


def read_question(line: str, where: str) -> GivenRecord:
    """A line of JSON.

    Args:
        where: the line came from, for messages.

    Raises:
        InputError: it is not a record.
    """
    try:
        value = json.loads(line)
    except (ValueError, RecursionError) as error:
        raise InputError(f"{where}: not JSON ({error}): {shown(line)}") from None
    try:
        return GivenRecord.model_validate(value, strict=True)
    except ValidationError as error:
        raise InputError(*field_problems(error, where)) from None


class AskedModel:
    """A model that is loaded when it is first asked, and then stays."""

    def __init__(self, request: Request[Any]) -> None:
        """
        Raises:
            InputError: there is no such backend, or it refuses the request.
        """
        self._backend = backend_module(request.settings.backend).open_backend(request)
        self._loaded: Any = None

    def answer(self, record: Record) -> tuple[Prompt, Generated]:
        """The prompt of a record, and the answer.

        Raises:
            InputError: the prompt does not fit, or the model cannot be loaded or cannot answer.
        """
        (prompt,) = self._backend.prompts([record])
        if self._loaded is None:
            self._loaded = self._backend.load()
        (generated,) = self._loaded.generate([prompt], 0, lambda _: None)
        return prompt, generated
