"""Checks across a configuration: names that refer to nothing, and entries that do not fit."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

from ecslm.common.text import nearest
from ecslm.comparisons.settings import BEST_SIMPLE
from ecslm.config.backends.openai import OpenAIModel
from ecslm.config.backends.recorded import RecordedModel
from ecslm.config.backends.transformers import TransformersModel
from ecslm.config.schema import Config, ModelSettings, StudySettings
from ecslm.data.relevance import LABELLED_SETTINGS
from ecslm.data.settings import Labels
from ecslm.prediction.transformers_settings import ANSWERED
from ecslm.schemas.paths import SHARED
from ecslm.schemas.task import BERTSCORE_METRICS, TaskSettings, has_example
from ecslm.schemas.urls import NO_SECRET, may_hold_secret
from ecslm.tables.references import Part, names_in
from ecslm.tables.settings import Entry


class References:
    """What a valid configuration refers to.

    Args:
        templates: the directory of the prompt templates.
        lost: names of entries that are not in the configuration since they are invalid.
    """

    def __init__(self, config: Config, templates: Path, lost: Collection[str] = ()) -> None:
        self._config, self._templates, self._lost = config, templates, lost

    def problems(self) -> Iterator[str]:
        """A line for each problem, which begins with the key."""
        if not self._templates.is_dir():
            yield f"{self._templates}: no such directory: run this in the project's directory"
            return
        config = self._config
        yield from self._known([config.study], config.studies, "study", "studies")
        yield from self._known(config.licenses, config.bases, "licenses", "bases")
        yield from _shared_aliases(config.tasks)
        for name, study in config.studies.items():
            path = f"studies.{name}"
            if name in SHARED:
                yield f"{path}: is the name of a directory that studies share: rename the study"
            tasks = {one: config.tasks[one] for one in study.tasks if one in config.tasks}
            yield from self._study(path, study, tasks)
            for one, model in study.models.items():
                yield from self._model(f"{path}.models.{one}", model, study, tasks)
            yield from self._contrasts(f"{path}.comparisons.contrasts", study)
            yield from _repeated_labels(f"{path}.tables", study.tables)
            for one, table in study.tables.items():
                yield from self._table(f"{path}.tables.{one}", table, study)

    def _known(
        self, names: Iterable[str], valid: Collection[str], path: str, where: str
    ) -> Iterator[str]:
        for name in names:
            if name not in valid and name not in self._lost:
                yield f"{path}: {name} is not in {where}{nearest(name, valid)}"

    def _study(
        self, path: str, study: StudySettings, tasks: Mapping[str, TaskSettings]
    ) -> Iterator[str]:
        bases, models = self._config.bases, study.models
        yield from self._known(study.tasks, self._config.tasks, f"{path}.tasks", "tasks")
        for section, names in (("tasks", study.tasks), ("settings", study.settings)):
            for name in dict.fromkeys(one for one in names if names.count(one) > 1):
                yield f"{path}.{section}: {name} is listed twice"
        yield from self._known(
            study.task_decoding, self._config.tasks, f"{path}.task_decoding", "tasks"
        )
        yield from self._known(study.architectures, bases, f"{path}.architectures", "bases")
        generates = [one for one, task in tasks.items() if task.metric in BERTSCORE_METRICS]
        if study.bertscore is not None:
            encoder = study.bertscore.encoder
            yield from self._known([encoder], bases, f"{path}.bertscore.encoder", "bases")
        elif generates and "bertscore" not in self._lost:
            yield f"{path}.bertscore: missing: {', '.join(generates)} is scored with it"
        yield from self._described(path, study)
        yield from self._data(path, study, tasks)
        if any(
            isinstance(m, TransformersModel) and m.answers == "likelihood" for m in models.values()
        ):
            for name, task in tasks.items():
                if task.answer == "choice" and task.option is None:
                    yield (
                        f"tasks.{name}.option: missing: letter or text, as right answers are; "
                        "models with `answers: likelihood` need it"
                    )
        exported = study.export.models or ()
        yield from self._known(exported, models, f"{path}.export.models", "the study's models")
        for name in exported:
            if name in models and not models[name].tuned:
                yield f"{path}.export.models: {name} is not tuned: it has no adapter to merge"

    def _described(self, path: str, study: StudySettings) -> Iterator[str]:
        """Models without a known tokenizer that would have to describe the data."""
        named, models = study.described_with, study.models
        with_base = [name for name, model in models.items() if model.base is not None]
        if named is not None:
            yield from self._known([named], models, f"{path}.described_with", "models")
            if named in models and not models[named].run:
                yield f"{path}.described_with: {named} is not run"
            if named in models and named not in with_base:
                fix = nearest(named, with_base) if with_base else ""
                yield f"{path}.described_with: {named} has no base, whose tokenizer is needed{fix}"
        for name, table in study.tables.items():
            if table.kind == "dataset" and not with_base:
                yield (
                    f"{path}.tables.{name}: shows lengths in tokens, but none of the study's "
                    "models has a base, whose tokenizer is needed: leave the table out"
                )

    @staticmethod
    def _data(path: str, study: StudySettings, tasks: Mapping[str, TaskSettings]) -> Iterator[str]:
        """Settings and labels that do not suffice for the test records of the study's tasks."""
        labels = study.data.labels
        if labels is not None:
            yield from label_problems(f"{path}.data", labels)
        tested = {code: task for code, task in tasks.items() if task.test}
        if all(setting.startswith("OOD_") for setting in study.settings):
            for code in (code for code, task in tested.items() if not task.ood):
                yield f"{path}.settings: none has test records of {code}, whose `ood` is false"
        ranked = [code for code, task in tested.items() if task.answer == "ranking"]
        if ranked and labels is not None and not {*LABELLED_SETTINGS}.intersection(study.settings):
            yield (
                f"{path}.settings: {', '.join(ranked)} needs {' or '.join(LABELLED_SETTINGS)}: the "
                "relevance labels are in their row order"
            )

    def _model(
        self,
        path: str,
        model: ModelSettings,
        study: StudySettings,
        tasks: Mapping[str, TaskSettings],
    ) -> Iterator[str]:
        if path.rpartition(".models.")[2] in study.baselines:
            yield f"{path}: is also the name of a baseline: rename the model"
        if model.template is not None:
            files = [file.stem for file in self._templates.glob("*.jinja")]
            yield from self._known(
                [model.template], files, f"{path}.template", str(self._templates)
            )
        if model.shots and model.tuned:
            yield (f"{path}.shots: training records have no examples: a tuned model has `shots: 0`")
        if model.shots and not any(map(has_example, study.settings)):
            yield f"{path}.shots: 1 needs the 1-shot settings among the study's `settings`"
        if isinstance(model, TransformersModel):
            yield from self._local_model(path, model, study, tasks)
        elif isinstance(model, RecordedModel):
            for section, names, valid in (
                ("tasks", model.tasks, study.tasks),
                ("settings", model.settings, study.settings),
            ):
                where = f"the study's {section}"
                yield from self._known(names or (), valid, f"{path}.{section}", where)
            if model.published is not None and study.answers is None:
                name = path.rpartition(".models.")[2]
                yield f"{path.partition('.models.')[0]}.answers: missing: {name} has `published`"
        if isinstance(model, TransformersModel | OpenAIModel):
            yield from _idle_seeds(path, model, study)

    def _local_model(
        self,
        path: str,
        model: TransformersModel,
        study: StudySettings,
        tasks: Mapping[str, TaskSettings],
    ) -> Iterator[str]:
        yield from self._known([model.base], self._config.bases, f"{path}.base", "bases")
        if model.tuned and tasks and not any(task.train for task in tasks.values()):
            yield f"{path}.training: none of the study's tasks has `train: true`"
        if model.answers != "free":
            valid = ANSWERED[model.answers]
            if tasks and not any(task.answer in valid for task in tasks.values()):
                yield (
                    f"{path}.answers: no task of the study has {' or '.join(valid)} as its "
                    f"`answer`, as {model.answers} needs"
                )
        sections = {"decoding": study.decoding} | {
            f"task_decoding.{task}": section for task, section in study.task_decoding.items()
        }
        own = {} if model.decoding is None else model.decoding.model_dump(exclude_unset=True)
        for name, section in sections.items():
            both = section.model_copy(update=own)
            if both.max_length <= both.max_new_tokens:
                yield (
                    f"{path}.decoding.max_length: {both.max_length} should be greater than the "
                    f"{both.max_new_tokens} tokens of max_new_tokens, with the keys of {name}"
                )
                break
        if model.adapter_of is not None:
            yield from self._adapter(path, model, model.adapter_of, study.models)

    def _adapter(
        self, path: str, model: TransformersModel, name: str, models: Mapping[str, ModelSettings]
    ) -> Iterator[str]:
        """A model that cannot use the adapters of another."""
        where = f"{path}.adapter_of"
        yield from self._known([name], models, where, "the study's models")
        if model.tuned:
            yield f"{where}: has `training`, thus adapters of its own: leave one of them out"
        other = models.get(name)
        if other is None:
            return
        if not other.tuned:
            yield f"{where}: {name} is not tuned: it has no adapters"
        if not other.run:
            yield f"{where}: {name} is not run"
        for key in ("base", "template", "precision"):
            if getattr(model, key) != getattr(other, key, None):
                yield f"{path}.{key}: is not that of {name}, whose adapters it uses"
        if missing := [str(seed) for seed in model.seeds if seed not in other.seeds]:
            yield f"{path}.seeds: {name} has no adapter of seed {', '.join(missing)}"

    def _contrasts(self, path: str, study: StudySettings) -> Iterator[str]:
        contrasts = {} if study.comparisons is None else study.comparisons.contrasts
        rows = (*study.models, *study.baselines, BEST_SIMPLE)
        where = {"settings": "the study's settings", "models": "the study's models"}
        for name, contrast in contrasts.items():
            one = f"{path}.{name}"
            pairs = [*chain(*contrast.pairs)]
            if contrast.kind == "settings":
                yield from self._known(pairs, study.settings, f"{one}.pairs", where["settings"])
                names = contrast.models
                yield from self._known(names, study.models, f"{one}.models", where["models"])
            else:
                yield from self._known(pairs, rows, f"{one}.pairs", where["models"])
                names = contrast.settings
                yield from self._known(names, study.settings, f"{one}.settings", where["settings"])

    def _table(self, path: str, table: Entry, study: StudySettings) -> Iterator[str]:
        contrasts = {} if study.comparisons is None else study.comparisons.contrasts
        parts: dict[Part, tuple[str, Collection[str]]] = {
            "tasks": ("tasks", study.tasks),
            "models": ("models", study.models),
            "tuned models": ("models", study.models),
            "baselines": ("baselines", study.baselines),
            "settings": ("settings", study.settings),
            "settings of records": ("settings", (*study.settings, study.train_setting)),
            "contrasts": ("contrasts", contrasts),
            "contrasts of settings": ("contrasts", contrasts),
        }
        entry = table.model_dump()
        yield from _not_free(path, entry, study)
        for named in names_in(entry, type(table)):
            part, where = named.reference.part, f"{path}.{named.field}"
            section, valid = parts[part]
            yield from self._known([named.name], valid, where, f"the study's {section}")
            if named.name not in valid:
                continue
            if part == "tuned models" and not study.models[named.name].tuned:
                yield f"{where}: {named.name} is not tuned: it has no trainable parameters"
            if part == "contrasts of settings" and contrasts[named.name].kind == "models":
                yield f"{where}: {named.name} compares models: name one of `kind: settings`"


def label_problems(path: str, labels: Labels) -> Iterator[str]:
    """Problems of a label file that would be fetched without a check of its content, or from a URL
    that may hold a secret."""
    if labels.url and labels.sha256 is None:
        yield f"{path}.labels.sha256: missing: needed to verify the file from `url`"
    if may_hold_secret(labels.url or ""):
        yield f"{path}.labels.url: {NO_SECRET}"


def _idle_seeds(
    path: str, model: TransformersModel | OpenAIModel, study: StudySettings
) -> Iterator[str]:
    """Seeds of a model that draws nothing."""
    adapted = isinstance(model, TransformersModel) and (model.tuned or model.adapter_of)
    own = model.decoding
    sections = (study.decoding, *study.task_decoding.values())
    sampled = any(section.sample for section in sections)
    if own is not None and "sample" in own.model_fields_set:
        sampled = own.sample
    if not adapted and not sampled and model.seeds != (0,):
        yield f"{path}.seeds: an untuned model with greedy decoding has the single seed 0"


def _not_free(path: str, entry: Mapping[str, Any], study: StudySettings) -> Iterator[str]:
    """Rows that would compete although their answers are limited."""
    best_of: dict[str, Iterable[str]] = {}
    for group in entry["rows"] if entry.get("competitors") else ():
        best_of |= group["best_of"]
    for row in entry.get("competitors", ()):
        for name in best_of.get(row, (row,)):
            model = study.models.get(name)
            if isinstance(model, TransformersModel) and model.answers != "free":
                whose = "its answers" if name == row else f"the answers of {name}"
                limits = f"{whose} are {model.answers}, not free"
                yield f"{path}.competitors: {row} does not compete: {limits}"


def _shared_aliases(tasks: Mapping[str, TaskSettings]) -> Iterator[str]:
    """Names by which the data's rows would be of several tasks."""
    owners = {code: code for code in tasks}
    for code, task in tasks.items():
        for alias in dict.fromkeys(task.aliases):
            if (owner := owners.setdefault(alias, code)) != code:
                key = f"tasks.{owner}" if owner == alias else f"tasks.{owner}.aliases"
                yield (
                    f"tasks.{code}.aliases: {alias} is a name of `{key}` too, and a row has one "
                    "task: remove it from one of them"
                )


def _repeated_labels(path: str, tables: Mapping[str, Entry]) -> Iterator[str]:
    """Tables of one LaTeX label, so that a reference to it would be to either."""
    first: dict[str, str] = {}
    for name, table in tables.items():
        if (other := first.setdefault(table.label, name)) != name:
            yield f"{path}.{name}.label: {table.label} is that of `{path}.{other}` too: change one"
