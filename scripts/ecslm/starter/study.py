"""The configuration of a study that a user begins, sized so that it ends in minutes on a CPU."""

import math
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from pathlib import Path

import jinja2
import yaml

from ecslm.common.errors import InputError
from ecslm.common.text import number_of
from ecslm.config.models import name_like
from ecslm.data.checking import task_names
from ecslm.data.shares import Shares
from ecslm.schemas.record import DEFAULT_SETTING
from ecslm.schemas.task import METRICS, Answer, InputForm, TaskKind, TaskSettings
from ecslm.scoring.baselines import Baseline, applicable
from ecslm.starter.records import Seen, evaluated

TEMPLATES = Path(__file__).resolve().parents[3] / "resources/starter"
BASE = "SmolLM2-135M"
TUNED = f"{BASE}-tuned"
# Its window, in tokens.
WINDOW = 8192
LENGTHS = (512, 1024, 2048, 4096, WINDOW)
# Fewest characters per token, of English and of most other languages in Latin letters.
CHARACTERS = 2.5
# Of a prompt beside the record: the turns of a chat.
TURNS = 40
# Fewer records cannot be divided so that each part has some.
FEWEST = 30
# Records of the whole study at most, that are tested and that show how training goes.
MOST_TESTED, MOST_WATCHED = 400, 60
# Tokens of all passes of training: two cores without AMX take some minutes for them.
MOST_TOKENS = 60_000
MOST_EPOCHS = 3
MOST_THREADS = 8
# The metrics of the kinds of answer; of choices among the same options another one.
METRIC_OF: Mapping[Answer, str] = {
    "yes_no": "binary_f1",
    "choice": "accuracy",
    "ranking": "ndcg",
    "extraction": "extraction_f1",
    "generation": "bert_f1",
}
SAME_OPTIONS = "macro_f1"


@dataclass(frozen=True)
class Task:
    """A task of the study."""

    code: str
    seen: Seen
    kind: TaskKind
    input: InputForm
    known: TaskSettings | None
    """Its entry in the project's registry, if it has one."""
    trains: bool

    @property
    def entry(self) -> dict[str, object]:
        """What the configuration must say of it."""
        ood = any(setting.startswith("OOD_") for setting in evaluated([self.seen]))
        if self.known is None:
            entry: dict[str, object] = {
                "title": self.seen.name,
                "aliases": [] if self.seen.name == self.code else [self.seen.name],
                "answer": self.kind.answer,
                "input": self.input,
                "metric": self.kind.metric,
                "ood": ood,
            }
        else:
            entry = {} if self.input == self.known.input else {"input": self.input}
            entry |= {"ood": True} if ood and not self.known.ood else {}
        return entry if self.trains else entry | {"train": False}

    @property
    def most_new_tokens(self) -> int:
        """A limit for its answers that the longest of the records fits into."""
        return 8 + round(max(map(len, self.seen.answers)) / CHARACTERS)


@dataclass(frozen=True)
class Start:
    """A study to begin: what its configuration has."""

    name: str
    data: Path
    tasks: tuple[Task, ...]
    settings: tuple[str, ...]
    shares: Shares | None
    threads: int

    @property
    def tuned(self) -> bool:
        """Whether a model is tuned."""
        return any(task.trains for task in self.tasks)

    @property
    def train_fraction(self) -> float:
        """The share of them that is used."""
        return min(1.0, _rounded(MOST_TOKENS / self._pass))

    @property
    def epochs(self) -> int:
        """Passes over the training records."""
        return max(1, min(MOST_EPOCHS, round(MOST_TOKENS / self._pass)))

    @property
    def max_length(self) -> int:
        """Tokens that a record and its answer fit into, as far as the model can read."""
        needed = max(max(task.seen.lengths) for task in self.tasks) / CHARACTERS + TURNS
        return next((length for length in LENGTHS if length >= needed), WINDOW)

    @property
    def baselines(self) -> list[Baseline]:
        """The trivial baselines of its tasks, each once."""
        found = dict.fromkeys(name for task in self.tasks for name in applicable(task.kind))
        # It needs training records to count.
        return [name for name in found if self.tuned or name != "majority"]

    @property
    def generates(self) -> bool:
        """Whether a task is scored by BERTScore."""
        return any(METRICS[task.kind.metric].bertscore for task in self.tasks)

    @property
    def _pass(self) -> float:
        """Tokens of a pass over the training records, about as many."""
        return sum(
            self._trained(task) * (sum(task.seen.lengths) / task.seen.records / CHARACTERS + TURNS)
            for task in self.tasks
        )

    def _trained(self, task: Task) -> float:
        if self.shares is None:
            return task.seen.splits["train"]
        return task.seen.records * (1 - self.shares.val - self.shares.test)


def plan_start(
    name: str,
    data: Path,
    seen: Sequence[Seen],
    divided: bool,
    registry: Mapping[str, TaskSettings],
) -> Start:
    """A study of records.

    Args:
        divided: whether the records say themselves for what they are.
        registry: the project's tasks.

    Raises:
        InputError: there are too few records, or only for training.
    """
    tasks: list[Task] = []
    for one in seen:
        # No name that the data may use for a task of the project.
        taken = (*task_names(registry), *(task.code for task in tasks))
        code = one.name if one.name in registry else name_like(one.name, taken, otherwise="Task")
        tasks.append(_task(code, one, registry.get(code), not divided or one.splits["train"] > 0))
    if divided:
        _check_splits(data, seen)
    return Start(
        name=name,
        data=data,
        tasks=tuple(tasks),
        settings=tuple(evaluated(list(seen))),
        shares=None if divided else _shares(data, seen),
        threads=min(MOST_THREADS, os.cpu_count() or 1),
    )


def _task(code: str, seen: Seen, known: TaskSettings | None, trains: bool) -> Task:
    # Inputs of the others have parts that answers are read by.
    if known is not None:
        any_text = known.answer in ("yes_no", "choice", "generation") and known.input == "object"
        own = "text" if any_text and not seen.objects else known.input
        return Task(code, seen, known.kind(), own, known, trains)
    parsed = seen.answer in ("ranking", "extraction") or seen.objects == seen.records
    form: InputForm = "object" if parsed else "text"
    same = seen.answer == "choice" and len(seen.options) == 1
    metric = SAME_OPTIONS if same else METRIC_OF[seen.answer]
    return Task(code, seen, TaskKind(answer=seen.answer, metric=metric), form, None, trains)


def _shares(data: Path, seen: Sequence[Seen]) -> Shares:
    """How to divide records: enough to test, no more than a CPU answers in minutes."""
    different = {task.name: len({str(row.get("input")) for row in task.rows}) for task in seen}
    name, fewest = min(different.items(), key=itemgetter(1))
    if fewest < FEWEST:
        raise InputError(
            f"{data}: {name} has {number_of(fewest, 'different record')}, too few to train on "
            f"some and test on others: bring at least {FEWEST}, better 200; or, to test alone, "
            'give all records `"split": "test"`'
        )
    every = sum(task.records for task in seen)
    val = max(min(0.1, MOST_WATCHED / every), min(0.25, 8 / fewest))
    return Shares(val=_rounded(val), test=_rounded(min(0.3, MOST_TESTED / every)))


def _check_splits(data: Path, seen: Sequence[Seen]) -> None:
    """Refuse records of which some parts are missing."""
    for task in seen:
        needed = ("test", "val") if task.splits["train"] else ("test",)
        for split in needed:
            if not task.splits[split]:
                raise InputError(
                    f"{data}: {task.name} has no record for {'tests' if split == 'test' else split}"
                    f': give some of them `"split": "{split}"`, or leave `split` out of all '
                    "records and they will be divided"
                )


def _as_yaml(value: object) -> str:
    """A value in one line."""
    if isinstance(value, str) and not value.isprintable():
        return yaml.safe_dump(value, default_style='"', width=math.inf).strip()
    # As the item of a list, which also shows where quotes are needed.
    listed = yaml.safe_dump([value], default_flow_style=True, allow_unicode=True, width=math.inf)
    return listed.strip()[1:-1]


def _rounded(share: float) -> float:
    return float(f"{share:.2g}")


def configuration(start: Start) -> str:
    """The text of the configuration file."""
    return rendered(
        "study.yaml.jinja",
        start=start,
        base=BASE,
        tuned=TUNED,
        default_setting=DEFAULT_SETTING,
        codes=[task.code for task in start.tasks],
        notes={
            "ood": " # whether there are records of another domain",
            "train": " # all of its records are for tests",
        },
    )


def rendered(template: str, **values: object) -> str:
    """A template of `resources/starter` with these values."""
    environment = jinja2.Environment(
        loader=jinja2.FileSystemLoader(TEMPLATES),
        undefined=jinja2.StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["yaml"] = _as_yaml
    return environment.get_template(template).render(values)
