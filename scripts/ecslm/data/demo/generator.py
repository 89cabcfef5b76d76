"""Generates rows of the demo data, each task and split independent of the others."""

import json
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from random import Random
from typing import Any, NamedTuple

from ecslm.common.errors import InputError
from ecslm.data.demo.catalogue import Catalogue
from ecslm.data.demo.catalogue_checks import load_catalogue
from ecslm.data.demo.instructions import InstructionFile, Instructions, load_instructions
from ecslm.data.demo.sampling import Sample, Task, draw_samples
from ecslm.data.demo.settings import DemoSettings
from ecslm.data.demo.shelf import Shelf
from ecslm.data.demo.tasks import (
    extraction,
    histories,
    matching,
    queries,
    questions,
    relations,
    reviews,
)

TASKS: Mapping[str, Task] = {
    **extraction.TASKS,
    **relations.TASKS,
    **matching.TASKS,
    **reviews.TASKS,
    **histories.TASKS,
    **queries.TASKS,
    **questions.TASKS,
}


class Part(NamedTuple):
    """Samples of a split and domain, repeated under several settings. `size`: field of `Sizes`."""

    split: str
    domain: str
    size: str
    settings: tuple[str, ...]


TRAINING_SETTINGS = ("Single_Instruction", "Diverse_Instruction")
TEST_SETTINGS = (*TRAINING_SETTINGS, "Unseen_Instruction", "Diverse_Instruction_1-shot")

TRAIN = Part("train", "IND", "train", TRAINING_SETTINGS)
TEST_IND = Part("test", "IND", "test_ind", TEST_SETTINGS)

PARTS = (
    TRAIN,
    Part("val", "IND", "val", TRAINING_SETTINGS),
    TEST_IND,
    Part("test", "OOD", "test_ood", TEST_SETTINGS),
)


class Texts(NamedTuple):
    """What rows are made from: the content of the two files."""

    catalogue: Catalogue
    instructions: InstructionFile


def load_texts(settings: DemoSettings) -> Texts:
    """Read the files.

    Raises:
        InputError: a file is missing or invalid.
    """
    return Texts(load_catalogue(settings.catalogue), load_instructions(settings.instructions))


def generate_rows(
    settings: DemoSettings,
    texts: Texts,
    tasks: Sequence[str] | None = None,
    splits: Sequence[str] | None = None,
) -> Iterator[dict[str, Any]]:
    """Raw rows of the tasks (codes) and splits, by default all of them.

    At most the records of one task and part are in memory at a time.

    Raises:
        InputError: an unknown task or split, a task without instructions, or too many records.
    """
    codes = selected(tasks, list(TASKS), "task")
    wanted_splits = selected(splits, ["train", "val", "test"], "split")
    for code in codes:
        instructions = texts.instructions.of_task(code)
        if instructions is None:
            raise InputError(
                f"{settings.instructions}: {code} is missing; add its seed, rewritten and unseen "
                "instructions"
            )
        for part in PARTS:
            if part.split in wanted_splits and (part.domain == "IND" or TASKS[code].has_ood):
                yield from part_rows(settings, texts.catalogue, instructions, code, part)


def qpr_labels(settings: DemoSettings, texts: Texts) -> list[list[str]]:
    """The E/S/C/I labels of the products of each in-domain test row of QPR, in row order."""
    samples = part_samples(settings, texts.catalogue, "QPR", TEST_IND)
    return [list(sample.relevance or ()) for sample in samples]


def selected(names: Sequence[str] | None, valid: list[str], what: str) -> list[str]:
    """The names, or all valid ones for None; an unknown name is an error."""
    if names is None:
        return valid
    unknown = [name for name in names if name not in valid]
    if unknown:
        choice = ", ".join(valid)
        raise InputError(
            *(f"demo data: unknown {what} {name!r}; choose from {choice}" for name in unknown)
        )
    return list(names)


def part_samples(
    settings: DemoSettings, catalogue: Catalogue, code: str, part: Part
) -> Iterator[Sample]:
    """The samples of a task in a part, in row order."""
    count = settings.size(code, part.size)
    rng = Random(f"{settings.seed}/{code}/{part.split}/{part.domain}")
    shelf = Shelf(catalogue, ood=part.domain == "OOD")
    where = f"demo data: {code}: {part.size}"
    return draw_samples(TASKS[code], shelf, part.split, count, rng, where)


def part_rows(
    settings: DemoSettings,
    catalogue: Catalogue,
    instructions: Instructions,
    code: str,
    part: Part,
) -> Iterator[dict[str, Any]]:
    """The rows of a task in a part: the same samples under each setting."""
    samples = list(part_samples(settings, catalogue, code, part))
    for ending in part.settings:
        setting = f"{part.domain}_{ending}"
        rng = Random(f"{settings.seed}/{code}/{part.split}/{setting}")
        choices = instructions.for_setting(setting)
        examples: list[str | None] = [None]
        if ending.endswith("1-shot"):
            training = part_samples(settings, catalogue, code, TRAIN)
            examples = [example(sample) for sample in islice(training, len(samples))]
        for position, sample in enumerate(samples):
            yield {
                "split": part.split,
                "task": TASKS[code].hub_name,
                "setting": setting,
                "instruction": rng.choice(choices),
                "input": sample.input,
                "options": sample.options,
                "output": sample.output,
                "few_shot_example": examples[position % len(examples)],
            }


def example(sample: Sample) -> str:
    """A training sample as text of a row's example; without options where it has none."""
    fields = {"input": sample.input, "options": sample.options, "output": sample.output}
    return json.dumps({name: text for name, text in fields.items() if text is not None})
