"""Paths of the files that the library finds by itself; rules state all files of their jobs.

Patterns with names in braces are relative to the study's results directory.
"""

from pathlib import Path

# Relative to the project.
TOP = Path("results")
RESULTS = "results/{study}"
BASES = "results/bases"
CACHE = Path("results/cache")
DIGESTS = CACHE / "digests.json"
# Of servers, see `families/openai/backend.py`: they may have been paid for.
SERVER_ANSWERS = CACHE / "api"
CODE_HISTORY = Path("results/code")
RUN_LOCK = Path("results/run.lock")
TEMPLATES = Path("resources/prompts")
PUBLISHED = Path("resources/published")
PUBLISHED_SCORES = PUBLISHED / "study.csv"
PUBLISHED_NOTES = PUBLISHED / "notes.csv"
PUBLISHED_COUNTS = PUBLISHED / "counts.csv"
PUBLISHED_PARAMETERS = PUBLISHED / "parameters.csv"
ARCHITECTURES = Path("resources/architectures.csv")
# What `results/` has beside the directories of studies; `made` is of version 1.0.
SHARED = frozenset({*(path.name for path in (Path(BASES), CACHE, CODE_HISTORY, RUN_LOCK)), "made"})

# Relative to the directory of all bases.
BASE = "{base}/manifest.json"
FETCHED = "{base}/fetched.json"

DATA_CHECK = "data_check.json"
DATASET = "dataset/{task}/{split}.jsonl"
DESCRIPTION = "descriptions/{task}.json"
LEAKAGE = "leakage/{task}.json"
DATA_CARD = "data_card.md"

# Published answers; one job fetches all.
ANSWERS = "answers/{model}-{task}.jsonl"
ANSWERS_MANIFEST = "answers/manifest.json"

ADAPTER = "adapters/{model}/seed-{seed}/manifest.json"
ADAPTER_LOG = "adapters/{model}/seed-{seed}/log.jsonl"
ADAPTER_COST = "adapters/{model}/seed-{seed}/cost.json"

PREDICTIONS = "predictions/{model}/seed-{seed}/{task}.jsonl"
PREDICTIONS_COST = "predictions/{model}/seed-{seed}/{task}.cost.json"
LATENCY = "latency/{model}.json"

# For a model or, with seed 0, a trivial baseline.
METRICS_FILE = "metrics/{model}/seed-{seed}/{task}.json"
METRICS_MANIFEST = "metrics/{model}/seed-{seed}/{task}.manifest.json"
RECORDS = ".records.jsonl"
OUTCOMES = "metrics/{model}/seed-{seed}/{task}" + RECORDS
OVER_SEEDS = "metrics/{model}/over-seeds/{task}.json"

# Of a task: the trivial or learned baseline that is best on validation records.
SIMPLE_BASELINES = "simple_baselines/{task}.json"

# Tidy tables: all scores, comparisons, costs and answers that are printed are from these.
SCORES_PARQUET = "scores.parquet"
COMPARISONS_PARQUET = "comparisons.parquet"
COSTS_PARQUET = "costs.parquet"
RECORDS_PARQUET = "records.parquet"

# A tuned model as a folder of its own, in hub layout.
EXPORT_EQUALITY = "exports/{model}/equality.json"
EXPORT = "exports/{model}/manifest.json"

TABLE = "tables/{table}.tex"
TABLE_JSON = "tables/{table}.json"
FIGURE_SVG = "figures/{figure}.svg"
FIGURE_PDF = "figures/{figure}.pdf"
# One job draws all figures.
FIGURES_MANIFEST = "figures/manifest.json"
REPORT_PAGE = "report.html"
REPORT_MANIFEST = "report.manifest.json"
REPORT_PDF = "report.pdf"
