"""Settings of a study's data source, and of the jobs that build and describe records.

Where a user's own files are is neither compared nor recorded, since results depend on what they
contain: see `ecslm.data.source`.
"""

import hashlib
import unicodedata
from collections.abc import Mapping
from typing import Annotated, Any, ClassVar, Literal, Self

from pydantic import Field, model_validator

from ecslm.common.files import Sha256
from ecslm.data.problems import Kind
from ecslm.models.precision import PROMPT_LIBRARIES
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Answer, InputForm


class Labels(Closed):
    """The relevance labels that ranking records lack: lists of E/S/C/I, in row order of the IND
    test rows."""

    path: str
    """JSON file: a list with one list of labels per row."""
    url: str | None = None
    """URL of the file at a pinned commit, fetched when `path` is missing."""
    sha256: Sha256 | None = None
    """Expected sha256."""


class Shares(Closed):
    """Shares of a user's records, which have no column `split`; the rest is trained on.

    A record's input alone decides where it belongs, whatever its case and spaces and however its
    accents are encoded. So the same input is never on both sides, whichever tasks ask about it, and
    a record stays where it is when others are added. The numbers of records follow the shares only
    roughly.
    """

    val: float = Field(gt=0, lt=1)
    """Share that is not trained on, but evaluated during training."""
    test: float = Field(gt=0, lt=1)
    """Share that is not trained on, and that scores are computed on."""

    @model_validator(mode="after")
    def _some_left(self) -> Self:
        if self.val + self.test >= 1:
            raise ValueError("val and test: leave a share to train on: their sum must be below 1")
        return self

    def split_of(self, row: Mapping[str, Any]) -> str:
        """Where a row belongs."""
        text = unicodedata.normalize("NFKC", str(row.get("input")))
        words = " ".join(text.casefold().split())
        digest = hashlib.sha256(words.encode("utf-8", "surrogatepass")).hexdigest()
        place = int(digest[:16], 16) / 2**64
        if place < self.test:
            return "test"
        return "val" if place < self.test + self.val else "train"


class Data(Closed):
    """Settings that all sources have."""

    license: str | None = None
    """Licence of the records, for the data card, for example CC-BY-4.0."""
    tolerate: tuple[Kind, ...] = ()
    """Kinds of problems whose rows are dropped and counted; others are errors."""


class HubData(Data):
    """A data set of the Hugging Face hub, or a local directory of JSON or Parquet files."""

    source: Literal["hub"]
    id: str
    """Data set, for example NingLab/ECInstruct, or a local directory."""
    revision: str
    """Pinned commit or tag."""
    labels: Labels | None = None
    """Relevance labels, where ranking records have none."""


class PathData(Data):
    """A local file in the release's form, or a directory of such files.

    JSON Lines, one JSON list, or Parquet. A row needs task, instruction, input and output; a row
    without the column `split` is a test row, one without `setting` is of IND_Diverse_Instruction.
    """

    source: Literal["path"]
    path: str = Field(exclude=True)
    """The file or directory, relative to the working directory or absolute."""
    split: Shares | None = Field(None, exclude_if=lambda shares: shares is None)
    """Shares by which rows without a column `split` are divided; without them, all are test
    rows."""
    labels: Labels | None = None
    """Relevance labels, where ranking records have none."""


DataSource = Annotated[HubData | PathData, Field(discriminator="source")]


class RecordForm(Closed):
    """The form of a task's records."""

    aliases: tuple[str, ...]
    """Names of the task in the data."""
    answer: Answer
    """Type of the answer."""
    input: InputForm = "text"
    """Form of the input."""


class DatasetSettings(RecordForm, JobSettings):
    """Everything in the configuration that affects one dataset file."""

    source: DataSource
    settings: tuple[str, ...]
    """Settings whose records are kept, in order."""


class DescriptionSettings(JobSettings):
    """What the description of a task's records depends on: the answer type, the tokenizer, and the
    lengths at which inputs are cut."""

    LIBRARIES: ClassVar[tuple[str, ...]] = PROMPT_LIBRARIES

    answer: Answer
    """Type of the task's answers; only classes are counted."""
    tokenizer: str
    """Name of the base whose tokenizer counts tokens."""
    training_max_length: int | None = Field(ge=16)
    """`max_length` of the training; null for a task that is not trained on."""
    adapter_max_length: int | None = Field(None, ge=16)
    """`max_length` that the adapter was trained with, if there is one."""
    prediction_max_length: int = Field(ge=16)
    """`max_length` of the decoding."""
    max_new_tokens: int = Field(ge=1)
    """Longest answer of the decoding, in tokens."""


# Of the overlap of tests with training, which has no settings.
LEAKAGE_LIBRARIES = ("numpy",)
