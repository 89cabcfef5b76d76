"""Snakemake's command line, for a cluster whose jobs take seconds.

    python quick_polling.py ARGUMENT ...

After each look at its jobs that finds none ended, the plugin waits ten seconds longer before the
next one.
"""

from snakemake.cli import main
from snakemake_interface_executor_plugins.executors.remote import RemoteExecutor

LONGEST = 0.5

if __name__ == "__main__":
    waiting = RemoteExecutor.next_seconds_between_status_checks
    RemoteExecutor.next_seconds_between_status_checks = property(
        lambda executor: min(LONGEST, waiting.fget(executor)), waiting.fset
    )
    main()
