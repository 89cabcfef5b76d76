"""Settings of a study's data source.

Fields with `exclude=True` say where files are. Results depend on what files contain, so these are
neither compared nor recorded: see `ecslm.data.source`.
"""

from typing import Annotated, Literal

from pydantic import Field, model_validator

from ecslm.common.files import Sha256
from ecslm.data.problems import Kind
from ecslm.data.shares import Shares
from ecslm.schemas.settings import Closed, JobSettings
from ecslm.schemas.task import Answer, InputForm


class Labels(Closed):
    """The relevance labels that ranking records lack: lists of E/S/C/I, in row order of the IND
    test rows."""

    path: str = Field(exclude=True)
    """JSON file: a list with one list of labels per row."""
    url: str | None = Field(None, exclude=True)
    """URL of the file at a pinned commit, fetched when `path` is missing."""
    sha256: Sha256 | None = None
    """Expected sha256."""


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

    @model_validator(mode="after")
    def _labels_have_rows(self) -> "PathData":
        if self.split is not None and self.labels is not None:
            raise ValueError(
                "split: labels are one list per test row, so the rows must say which they are: "
                "give them a column `split`, and remove this"
            )
        return self


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
