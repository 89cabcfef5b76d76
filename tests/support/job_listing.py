"""Snakemake's command line, which also tells the jobs of the run.

    python job_listing.py FILE ARGUMENT ...

What Snakemake prints shows a job's message in place of its rule and wildcards; FILE gets both, a
line of JSON for each job, none before those that it needs.
"""

import json
import logging
import sys
from pathlib import Path

from snakemake.cli import main
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


if __name__ == "__main__":
    # Snakemake replaces the handlers of its logger, never its filters.
    logging.getLogger("snakemake.logging").addFilter(JobFile(Path(sys.argv[1])))
    main(sys.argv[2:])
