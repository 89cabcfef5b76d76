"""Names of the modules that scoring loads by name."""

from ecslm.schemas.task import TaskKind


def metric_module(metric: str) -> str:
    """The full name of a metric's module."""
    return f"ecslm.scoring.metrics.{metric}"


def answer_module(answer: str) -> str:
    """The full name of an answer type's module."""
    return f"ecslm.scoring.answers.{answer}"


def task_modules(task: TaskKind | None) -> tuple[str, ...]:
    """The modules of a task; none of one that is only known from the registry."""
    return () if task is None else (answer_module(task.answer), metric_module(task.metric))
