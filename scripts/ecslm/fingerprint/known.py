"""Which code no result depends on, and which words in code say nothing to a program.

A wrong line here can hide a change of a result: when in doubt, leave a name out. Tests look for
code that would make one of them wrong.
"""

# Modules that change no file that a result is compared by: where they are used counts, what they do
# does not.
LEFT_OUT = {
    "ecslm.common.devices": "which of the machine's GPUs a job computes on, and when",
    "ecslm.common.environment": "in which environment results are not computed, which versions of "
    "libraries are recorded, and a part of keys of results",
    "ecslm.common.equal_code": "which code was shown to compute equal bytes: it lets a job go on",
    "ecslm.common.errors": "in which words, and how few lines, people are told of what is wrong",
    "ecslm.common.locks": "which process may use a directory, when, and whether it still runs",
    "ecslm.common.logs": "messages for people",
    "ecslm.common.manifests": "what a result was made from, which lets a job go on or not",
    "ecslm.common.results_cache": "where finished results are kept, and whether they are whole",
    "ecslm.common.workdir": "where unfinished and finished work lies",
    "ecslm.common.worker": "where a process that keeps a model for a run listens, when it ends, "
    "and how it hands on messages, whose two ends check that they mean the same",
    "ecslm.fingerprint": "digests of code, which stop a job or let it go on",
    "ecslm.models.cost": "what a job cost, in cost.json alone",
    "ecslm.reports.score_summary": "what score.py prints of the scores that it writes",
    "ecslm.reports.summaries": "what differences.py and compare.py print of what they write",
    # What it reads of settings is recorded, and in the key of finished results.
    "ecslm.script": "which command lines are refused, what is logged and recorded, and which code "
    "runs",
    "ecslm.training.progress": "the progress of a training, for people",
}

# Statements that call one of these on a logger called `log`, or `warnings.warn`, are for people.
LEVELS = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
# Errors whose arguments are words.
ERRORS = frozenset(
    {
        *("AssertionError", "NotImplementedError", "RuntimeError", "TypeError", "ValueError"),
        *("InputError", "Problem"),
    }
)
