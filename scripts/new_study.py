"""Begin a study of your own records: write a configuration with comments, and check it.

The records are looked at: the tasks that they belong to, the kind of answer to each, and whether
they say which are for training and which for tests. Nothing that exists is overwritten. A table
becomes records if its columns are named:
  python scripts/new_study.py --data tickets.csv --input text --output urgent \\
      --question "Is this urgent?"
"""

from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.text import one_line
from ecslm.config.models import name_like
from ecslm.plan.study import Choice
from ecslm.preflight.check import check_study
from ecslm.preflight.findings import as_text
from ecslm.schemas.paths import SHARED
from ecslm.script import run_script
from ecslm.starter.records import Columns
from ecslm.starter.study import begin_study, check_study_name, told

EXAMPLE = 'make new DATA=tickets.csv INPUT=text OUTPUT=urgent QUESTION="Is this urgent?"'


def main(
    study: str | None = None,
    data: Path | None = None,
    input: str | None = None,
    output: str | None = None,
    question: str | None = None,
) -> None:
    """
    Args:
        study: name of the study; STUDY.yaml is written (default: that of the data)
        data: your records: a CSV, TSV, Excel, Parquet, JSON Lines or JSON file, or a folder of
            records (default: STUDY.jsonl)
        input: the column of a table with the text that is asked about, or several with commas
        output: its column with the right answers
        question: what is asked, for example "Is this urgent?"
    """
    if not (data or study):
        raise InputError(f"DATA: missing: name your records, as in `{EXAMPLE}`")
    data = data or Path(f"{study}.jsonl")
    shipped = Choice().read().config
    study = study or name_like(data.stem, (*shipped.studies, *SHARED), otherwise="study")
    check_study_name(study, shipped.studies)
    columns = None
    if input and output and question:
        inputs = [one_line(name) for name in input.split(",")]
        columns = Columns(inputs, one_line(output), question)
    elif input or output or question:
        raise InputError(f"INPUT, OUTPUT, QUESTION: give all three, as in `{EXAMPLE}`")
    start = begin_study(study, data, columns, shipped.tasks)
    # Whatever a run still needs: the file is there, and it is good.
    _, found = check_study(Choice([Path(f"{study}.yaml")]), "default")
    print(told(start, as_text(f"Study {study}, profile default", found)), end="")


if __name__ == "__main__":
    run_script(main)
