"""Where a study's records come from."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field

from ecslm.demo.settings import DemoSettings


class Labels(BaseModel):
    """The relevance labels that ranking records lack: lists of E/S/C/I, in row order of the IND
    test rows."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    path: str = Field(description="JSON file: a list with one list of labels per row.")
    url: str | None = Field(
        None, description="Where to fetch the file, at a pinned commit, when `path` is missing."
    )
    sha256: str | None = Field(None, pattern="^[0-9a-f]{64}$", description="Expected sha256.")


class DemoData(DemoSettings):
    """Records that the project generates."""

    source: Literal["demo"]


class HubData(BaseModel):
    """A data set of the Hugging Face hub, or a local folder in hub layout."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["hub"]
    id: str = Field(description="Data set, for example NingLab/ECInstruct, or a local folder.")
    revision: str = Field(description="Pinned commit or tag.")
    labels: Labels | None = None


class PathData(BaseModel):
    """A local file in the release's form: JSON Lines, or one JSON list."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: Literal["path"]
    path: str = Field(description="The file, relative to the working folder or absolute.")
    labels: Labels | None = None


DataSource = Annotated[DemoData | HubData | PathData, Field(discriminator="source")]


class DatasetSettings(BaseModel):
    """Everything in the configuration that decides one dataset file."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    source: DataSource
    aliases: tuple[str, ...] = Field(description="Names of the task in the data.")
    answer: Literal["yes_no", "choice", "ranking", "extraction", "generation"]
    settings: tuple[str, ...] = Field(description="Settings whose records are kept, in order.")
