"""Checks of the files of recorded answers, before anything runs."""

from collections.abc import Iterator
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.config.backends.recorded import RecordedModel
from ecslm.plan.study import Study


def check_answers(study: Study) -> None:
    """Check that recorded answers are where the configuration says.

    Raises:
        InputError: a line for each model whose files are missing.
    """
    problems = [
        problem
        for name, model in study.settings.models.items()
        if isinstance(model, RecordedModel) and model.path is not None and model.run
        for problem in _missing(study, name, model.path)
    ]
    if problems:
        raise InputError(*problems)


def _missing(study: Study, name: str, folder: str) -> Iterator[str]:
    where = f"studies.{study.name}.models.{name}"
    if not Path(folder).is_dir():
        yield f"{where}.path: {folder}: no such directory"
        return
    files = [file for task in study.model_tasks(name) for file in study.answer_files(name, task)]
    missing = [file for file in files if not Path(file).is_file()]
    if missing:
        more = f", nor {len(missing) - 1} more of {len(files)}" if len(missing) > 1 else ""
        yield (
            f"{where}.path: there is no {missing[0]}{more}: put it there, or name what the model "
            "has in `settings` and `tasks`"
        )
