"""Options of Snakemake for a run on the tests' cluster, beside those of profiles/slurm."""

from support.cluster import PARTITION

ON_CPU = tuple(
    f"{rule}:device=cpu"
    for rule in ("train_adapter", "predict", "measure_latency", "bertscore", "export_model")
)
# It has neither accounts nor accounting, is quick, and its GPUs are made up.
ON_THE_CLUSTER = (
    *("--workflow-profile", "profiles/slurm"),
    *("--default-resources", f"slurm_partition={PARTITION}", "slurm_account=none"),
    *("runtime=10", "mem_mb=1000", "disk_mb=1000"),
    "--set-resources",
    *ON_CPU,
    *("--slurm-init-seconds-before-status-checks", "1"),
    *("--slurm-status-command", "squeue"),
)
