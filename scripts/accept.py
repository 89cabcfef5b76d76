"""Accept other code, or other versions of libraries, that compute the same results.

For after an edit or an upgrade that you hold to be neutral. The smallest finished adapters,
predictions and BERTScores that it would have computed again are computed again in a scratch folder.
If all bytes are equal, and every definition that has changed was executed, this is recorded, and a
run computes none of them again. Otherwise what differs is printed. Costs and times are not
compared. Compute where the results come from: other CPUs and GPUs round differently.

examples:
  python scripts/accept.py --study demo
  python scripts/accept.py --revoke 0123456789abcdef
"""

import io
import logging
import sys
import tempfile
import time
from collections.abc import Sequence
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path

from ecslm.common.errors import InputError
from ecslm.common.locks import held
from ecslm.provenance.acceptance import (
    DueJob,
    accept,
    finished_jobs,
    groups_of,
    revoked,
    samples,
)
from ecslm.schemas.paths import RUN_LOCK
from ecslm.script import run_script


def main(
    configfile: Sequence[Path] = (), study: str | None = None, revoke: str | None = None
) -> None:
    """
    Args:
        configfile: files merged over config.yaml
        study: entry of `studies` (default: the configuration's `study`)
        revoke: take back what was accepted: the name of a record, without .json
    """
    with held(RUN_LOCK, "results", wait=False):
        if revoke:
            for path in revoked(revoke):
                print(f"removed {path}")
            return
        groups = groups_of(finished_jobs(due_jobs(configfile, study)))
        if not groups:
            print("nothing to accept: no finished results are due for their code or versions alone")
        problems: list[InputError] = []
        for group in groups:
            chosen, start = samples(group), time.monotonic()
            print(f"{group[0].job.rule}: computing {len(chosen)} of {len(group)} again", flush=True)
            with tempfile.TemporaryDirectory(prefix="ecslm-accept-") as folder:
                try:
                    recorded = accept(group, chosen, Path(folder))
                except InputError as error:
                    problems.append(error)
                    continue
            seconds = time.monotonic() - start
            for path in recorded:
                print(f"  equal, {seconds:.0f} s: recorded in {path}")
        if problems:
            raise InputError(*(problem for error in problems for problem in error.problems))


def due_jobs(configfiles: Sequence[Path], study: str | None) -> list[DueJob]:
    """The jobs that Snakemake would run, as its dry run tells them to its log.

    Raises:
        InputError: Snakemake refuses to run; it has printed why.
    """
    from snakemake.cli import main as snakemake
    from snakemake_interface_logger_plugins.common import LogEvent

    found: list[DueJob] = []

    def note(record: logging.LogRecord) -> bool:
        fields = vars(record)
        if fields.get("event") == LogEvent.JOB_INFO and fields["shellcmd"]:
            files = (tuple(fields[name]) for name in ("input", "output"))
            found.append(DueJob(fields["rule_name"], *files, fields["shellcmd"]))
        return True

    # Snakemake replaces the handlers of its logger, never its filters.
    logging.getLogger("snakemake.logging").addFilter(note)
    options = ["--configfile", *map(str, configfiles)] if configfiles else []
    options += ["--config", f"study={study}"] if study else []
    # It prints the plan, however quiet it is told to be.
    printed = io.StringIO()
    try:
        with redirect_stdout(printed), redirect_stderr(printed):
            snakemake(["--dry-run", *options])
    except SystemExit as end:
        if end.code:
            print(printed.getvalue().strip(), file=sys.stderr)
            raise InputError("a run would be refused, see above: nothing is accepted") from None
    return found


if __name__ == "__main__":
    run_script(main)
