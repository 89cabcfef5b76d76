"""Snakemake's command line, loaded once for many runs, which also tells the jobs of each run.

Each line of stdin asks for a run: a JSON list of further environment variables, the working folder,
a file for what Snakemake prints, a file for the jobs, and Snakemake's arguments. The exit status is
printed when it has ended. What Snakemake prints shows a job's message in place of its rule and
wildcards; the file of jobs has both, a line of JSON for each job, none before those that it needs.
"""

import json
import logging
import os
import sys
from importlib import import_module
from pathlib import Path

from snakemake.cli import main, parse_args
from snakemake.executors import touch
from snakemake_interface_logger_plugins.common import LogEvent


class JobFile(logging.Filter):
    """Notes the jobs that pass through Snakemake's logger; lets everything through."""

    def __init__(self, path: Path) -> None:
        super().__init__()
        self._path = path
        path.touch()

    def filter(self, record: logging.LogRecord) -> bool:
        """Note a job; a record of anything else has nothing to note."""
        fields = vars(record)
        if fields.get("event") == LogEvent.JOB_INFO:
            job = {
                "rule": fields["rule_name"],
                "wildcards": dict(fields["wildcards"]),
                "reason": fields["reason"],
                "command": fields["shellcmd"],
            }
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps(job) + "\n")
        return True


def run(environment: dict[str, str], folder: str, printed: str, jobs: str, *arguments: str) -> None:
    """Run Snakemake in this process, which it ends."""
    os.environ.update(environment)
    os.chdir(folder)
    with Path(printed).open("w", encoding="utf-8") as stream:
        os.dup2(stream.fileno(), sys.stdout.fileno())
        os.dup2(stream.fileno(), sys.stderr.fileno())
    # Snakemake replaces the handlers of its logger, never its filters.
    logging.getLogger("snakemake.logging").addFilter(JobFile(Path(jobs)))
    # Equal times of files are in order too: nothing is older than what it was made from.
    touch.Executor.SLEEPING_TIME = 0.0
    main(list(arguments))


if __name__ == "__main__":
    # What every run would load: plugins, and libraries that Snakemake or the rules import late.
    parse_args([])
    for library in ("pandas", "pydantic", "snakemake.workflow"):
        import_module(library)
    for line in sys.stdin:
        # A run in a fork of its own loads the project's code anew.
        child = os.fork()
        if child == 0:
            run(*json.loads(line))
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)
