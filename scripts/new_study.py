"""Begin a study of your own records: write a configuration with comments, and check it.

The records are looked at: the tasks that they belong to, the kind of answer to each, and whether
they say which are for training and which for tests. Nothing that exists is overwritten.
"""

import os
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.plan.study import Study
from ecslm.preflight.check import check_study
from ecslm.preflight.findings import as_text
from ecslm.script import run_script
from ecslm.starter.begin import begin_study, check_study_name
from ecslm.starter.words import told


def main(study: str | None = None, data: Path | None = None) -> None:
    """
    Args:
        study: name of the study; STUDY.yaml is written
        data: your records: a JSON Lines, JSON or Parquet file, or a folder of them (default:
            STUDY.jsonl)
    """
    if not study:
        raise InputError("STUDY: missing: name the study, as in `make new STUDY=mine`")
    shipped = Study.read([], None).config
    check_study_name(study, shipped.studies)
    written = Path(f"{study}.yaml")
    if os.path.lexists(written):
        raise InputError(f"{written}: exists, and is not overwritten: choose another STUDY")
    data = data or Path(f"{study}.jsonl")
    begun = begin_study(study, data, shipped.tasks)
    with written.open("x", encoding="utf-8", newline="\n") as stream:
        stream.write(begun.text)
    # Whatever a run still needs: the file is there, and it is good.
    _, found = check_study([written], None, "default")
    check = as_text(f"Study {study}, profile default", found)
    print(told(begun.start, begun.report, written, check), end="")


if __name__ == "__main__":
    run_script(main)
