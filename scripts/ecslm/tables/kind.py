"""All kinds of table, and the request for one table."""

from typing import ClassVar, get_args

from pydantic import Field

from ecslm.schemas.settings import JobSettings
from ecslm.tables.kinds.claims import ClaimsEntry
from ecslm.tables.kinds.comparisons import ComparisonsEntry
from ecslm.tables.kinds.cost import CostEntry
from ecslm.tables.kinds.dataset import DatasetEntry
from ecslm.tables.kinds.instructions import InstructionsEntry
from ecslm.tables.kinds.parameters import ParametersEntry
from ecslm.tables.kinds.reproduction import ReproductionEntry
from ecslm.tables.kinds.results import ResultsEntry
from ecslm.tables.kinds.validity import ValidityEntry
from ecslm.tidy.study import StudyContext

AnyEntry = (
    ClaimsEntry
    | CostEntry
    | ParametersEntry
    | DatasetEntry
    | ResultsEntry
    | InstructionsEntry
    | ComparisonsEntry
    | ValidityEntry
    | ReproductionEntry
)
# In the order of a report.
KINDS: tuple[type[AnyEntry], ...] = get_args(AnyEntry)


class TableRequest(JobSettings):
    """Everything except files that can change a table: the `--settings` of render_table.py."""

    LIBRARIES: ClassVar[tuple[str, ...]] = ("Jinja2",)

    table: AnyEntry = Field(discriminator="kind")
    context: StudyContext
