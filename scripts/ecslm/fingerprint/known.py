"""Which code no result depends on, and which words in code say nothing to a program.

A wrong line here can hide a change of a result: when in doubt, leave a name out. Tests look for
code that would make one of them wrong.
"""

# Modules that change no file that a result is compared by: where they are used counts, what they do
# does not.
LEFT_OUT = (
    # Which of the machine's GPUs a job computes on, and when.
    "ecslm.common.devices",
    # In which environment results are not computed, which versions of libraries are recorded, and a
    # part of keys of results.
    "ecslm.common.environment",
    # Which code was shown to compute equal bytes: it lets a job go on.
    "ecslm.common.equal_code",
    # In which words, and how few lines, people are told of what is wrong.
    "ecslm.common.errors",
    # Which process may use a directory, when, and whether it still runs.
    "ecslm.common.locks",
    # Messages for people.
    "ecslm.common.logs",
    # What a result was made from, which lets a job go on or not.
    "ecslm.common.manifests",
    # Where finished results are kept, and whether they are whole.
    "ecslm.common.results_cache",
    # Where unfinished and finished work lies.
    "ecslm.common.workdir",
    # Where a process that keeps a model for a run listens, when it ends, and how it hands on
    # messages, whose two ends check that they mean the same.
    "ecslm.common.worker",
    # Digests of code, which stop a job or let it go on.
    "ecslm.fingerprint",
    # What a job cost, in cost.json alone.
    "ecslm.models.cost",
    # What score.py, differences.py and compare.py print of what they write.
    "ecslm.reports.summaries",
    # Which command lines are refused, what is logged and recorded, and which code runs. What it
    # reads of settings is recorded, and in the key of finished results.
    "ecslm.script",
    # The progress of a training, for people.
    "ecslm.training.progress",
)

# Statements that call one of these on a logger called `log`, or `warnings.warn`, are for people.
LEVELS = frozenset({"critical", "debug", "error", "exception", "info", "log", "warning"})
# Errors whose arguments are words.
ERRORS = frozenset(
    {
        *("AssertionError", "NotImplementedError", "RuntimeError", "TypeError", "ValueError"),
        *("InputError", "Problem"),
    }
)
