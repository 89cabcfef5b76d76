"""The configuration: closed schemas, composed from those of the stages.

Nothing that a job runs imports this module; rules pass each job the validated settings it needs.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from ecslm.baselines import Baseline
from ecslm.bases import BaseSource
from ecslm.bertscore_settings import BertScoreSettings
from ecslm.comparisons.settings import ComparisonsSettings
from ecslm.config_problems import reference_problems, schema_problems
from ecslm.files import InputError, read_text
from ecslm.generation.settings import DecodingSettings
from ecslm.precision import Precision
from ecslm.records.settings import DataSource
from ecslm.scoring_settings import ScoringSettings
from ecslm.tables.settings import TableSettings
from ecslm.tasks import TaskSettings
from ecslm.training.settings import TrainingSettings

Name = Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]*$")]


class Closed(BaseModel):
    """A section: unknown keys are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class ModelSettings(Closed):
    """A model: a row of the tables."""

    base: str = Field(description="Its base weights, an entry of `bases`.")
    template: Name = Field(description="Its prompt: resources/prompts/{template}.jinja.")
    shots: Literal[0, 1] = Field(0, description="Examples in the prompt.")
    training: TrainingSettings | None = Field(
        None,
        description="Left out: the base as it is. Given, even empty: tuned, with these settings "
        "in place of those of the study's `training`.",
    )
    precision: Precision = Field(
        Precision(), description="In place of the study's `precision`, key by key."
    )
    seeds: tuple[Annotated[int, Field(ge=0)], ...] = Field(
        (0,), min_length=1, description="Seeds to train and predict with."
    )

    @property
    def tuned(self) -> bool:
        """Whether the model has an adapter."""
        return self.training is not None


class EncoderSettings(BertScoreSettings):
    """How generated answers are compared with their references."""

    encoder: str = Field(description="Encoder weights, an entry of `bases`.")


class StudySettings(Closed):
    """A study: data, models, how they are trained, decoded and scored, and what is drawn."""

    title: str = Field(description="Title of the reports.")
    device: Literal["cpu", "cuda"] = Field(description="Where models run.")
    published_comparable: bool = Field(
        description="Whether the data are those that the published results were measured on."
    )
    data: DataSource = Field(description="Where the records come from.")
    tasks: tuple[str, ...] = Field(min_length=1, description="Tasks, entries of `tasks` above.")
    train_setting: str = Field(description="Setting whose train and val records are used.")
    settings: tuple[str, ...] = Field(
        min_length=1, description="Settings whose test records are evaluated."
    )
    precision: Precision = Field(
        Precision(), description="How numbers are held, in training and prediction of all models."
    )
    training: TrainingSettings = Field(
        TrainingSettings(), description="How all tuned models are trained."
    )
    decoding: DecodingSettings = Field(DecodingSettings(), description="How answers are generated.")
    task_decoding: dict[str, DecodingSettings] = Field(
        {}, description="By task, in place of `decoding`, key by key."
    )
    batch_tokens: int = Field(
        4000, ge=16, description="Padded tokens per batch of prompts, answers included."
    )
    bertscore: EncoderSettings | None = Field(
        None, description="Needed by tasks with the metric bert_f1."
    )
    scoring: ScoringSettings = Field(
        ScoringSettings(), description="How the uncertainty of a score is found."
    )
    comparisons: ComparisonsSettings | None = Field(
        None, description="Which of the study's scores are compared, record by record."
    )
    models: dict[Name, ModelSettings] = Field(min_length=1, description="Models by name.")
    described_with: str | None = Field(
        None,
        description="Model with whose tokenizer, prompt and lengths the data are described "
        "(default: the first tuned one by name, or the first of all).",
    )
    baselines: tuple[Baseline, ...] = Field(
        (), description="Trivial baselines, each scored for the tasks that it is defined for."
    )
    architectures: dict[str, str] = Field(
        {}, description="Row of resources/architectures.csv of a base, if its name differs."
    )
    tables: dict[Name, TableSettings] = Field(
        {}, description="Tables by name, which is also that of their file."
    )


class Config(Closed):
    """The whole of config.yaml."""

    study: str = Field(description="Study to run, an entry of `studies`.")
    tasks: dict[Name, TaskSettings] = Field(description="Registry of tasks by code.")
    bases: dict[Name, BaseSource] = Field(description="Pretrained weights by name.")
    studies: dict[Name, StudySettings] = Field(description="Studies by name.")

    @property
    def current(self) -> StudySettings:
        """The study to run."""
        return self.studies[self.study]


def read_config(files: Sequence[Path], study: str | None, templates: Path) -> Config:
    """The configuration of files, later ones over earlier ones, as Snakemake takes them.

    `study`, if given, stands in place of the files'; `templates` as in `load_config`.

    Raises:
        InputError: a file is missing or is not YAML, or the configuration has problems.
    """
    merged: dict[str, Any] = {}
    for path in files:
        try:
            merged = _merged(merged, yaml.safe_load(read_text(path)) or {})
        except yaml.YAMLError as error:
            raise InputError(f"{path}: not YAML ({' '.join(str(error).split())})") from None
    return load_config(merged | ({} if study is None else {"study": study}), templates)


def _merged(under: Any, over: Any) -> Any:
    """Mappings key by key; of anything else the upper one, as `--configfile` does it."""
    if not (isinstance(under, dict) and isinstance(over, dict)):
        return over
    return under | {key: _merged(under.get(key), value) for key, value in over.items()}


def load_config(raw: dict[str, Any], templates: Path) -> Config:
    """Validate a configuration as read from YAML.

    `templates` is the folder of the prompt templates, which models name.

    Raises:
        InputError: one line for each problem, with the key's path and the nearest valid name.
    """
    merged = _with_inherited(raw)
    # References are checked even when single fields fail, so that one run shows everything.
    problems = reference_problems(merged, templates)
    try:
        config = Config.model_validate(merged)
    except ValidationError as error:
        raise InputError(*schema_problems(error, Config), *problems) from None
    if problems:
        raise InputError(*problems)
    return config


def _with_inherited(raw: dict[str, Any]) -> dict[str, Any]:
    """Models and tasks take what they leave out from the study's own sections."""
    if not isinstance(raw.get("studies"), dict):
        return raw
    return raw | {
        "studies": {
            name: _study_with_inherited(study) if isinstance(study, dict) else study
            for name, study in raw["studies"].items()
        }
    }


def _study_with_inherited(study: dict[str, Any]) -> dict[str, Any]:
    merged = dict(study)
    if isinstance(study.get("models"), dict):
        merged["models"] = {
            name: _inherit(_inherit(model, study, "training"), study, "precision", always=True)
            for name, model in study["models"].items()
        }
    if isinstance(study.get("task_decoding"), dict):
        merged["task_decoding"] = {
            task: _over(study.get("decoding"), own, DecodingSettings)
            for task, own in study["task_decoding"].items()
        }
    return merged


SECTIONS: dict[str, type[BaseModel]] = {"training": TrainingSettings, "precision": Precision}


def _inherit(model: Any, study: dict[str, Any], section: str, always: bool = False) -> Any:
    if not isinstance(model, dict) or not (always or section in model):
        return model
    return model | {section: _over(study.get(section), model.get(section), SECTIONS[section])}


def _over(inherited: Any, own: Any, schema: type[BaseModel]) -> Any:
    """`own` over what it inherits. Inherited keys with problems stay behind: reported once."""
    if own is not None and not isinstance(own, dict):
        return own
    known = inherited if isinstance(inherited, dict) else {}
    try:
        schema.model_validate(known)
        bad: set[Any] = set()
    except ValidationError as error:
        bad = {detail["loc"][0] for detail in error.errors()}
    return {key: value for key, value in known.items() if key not in bad} | (own or {})
