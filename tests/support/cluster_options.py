"""How tests run Snakemake on their cluster."""

from functools import partial
from pathlib import Path

from support.cluster import PARTITION
from support.scratch import cold_snakemake, start_cold_snakemake

QUICK = (str(Path(__file__).with_name("quick_polling.py")),)
run_on_the_cluster = partial(cold_snakemake, program=QUICK)
start_on_the_cluster = partial(start_cold_snakemake, program=QUICK)

ON_CPU = tuple(
    f"{rule}:device=cpu"
    for rule in ("train_adapter", "predict", "measure_latency", "bertscore", "export_model")
)
# Options beside those of profiles/slurm. The cluster has neither accounts nor accounting, is quick,
# and its GPUs are made up.
ON_THE_CLUSTER = (
    *("--workflow-profile", "profiles/slurm"),
    *("--default-resources", f"slurm_partition={PARTITION}", "slurm_account=none"),
    *("runtime=10", "mem_mb=1000", "disk_mb=1000"),
    "--set-resources",
    *ON_CPU,
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--slurm-status-command", "squeue"),
)
