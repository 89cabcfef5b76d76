# ecslm: from raw data to paper-ready tables. What runs is in config.yaml, how it runs in profiles/.


configfile: "config.yaml"


include: "rules/common.smk"
include: "rules/data.smk"
include: "rules/models.smk"
include: "rules/adapters.smk"
include: "rules/predictions.smk"
include: "rules/metrics.smk"
include: "rules/report.smk"


wildcard_constraints:
    task="|".join(STUDY.tasks),
    split="train|val|test",
    model="|".join(map(re.escape, STUDY.models)),
    baseline="|".join(STUDY.baselines) or "none",
    seed=r"\d+",
    table="|".join(STUDY.tables) or "none",
    base="|".join(map(re.escape, PLAN.config.bases)),


localrules:
    all,
    bases,
    datasets,
    adapters,
    predictions,
    metrics,
    tables,
    report,


rule all:
    default_target: True
    input:
        PLAN.data_check(),
        PLAN.dataset_files(),
        PLAN.description_files(),
        PLAN.leakage_files(),
        PLAN.data_card(),
        PLAN.adapter_files(),
        PLAN.prediction_files(),
        PLAN.bertscore_files(),
        PLAN.metric_files(),
        COMPARED.over_seeds_files(),
        COMPARED.difference_files(),
        COMPARED.comparison_files(),
        DRAWN.table_files(),
        f"{RESULTS}/report.html",
    message:
        "The study's results"


rule bases:
    input:
        PLAN.base_files(),
    message:
        "All base weights"


rule datasets:
    input:
        PLAN.data_check(),
        PLAN.dataset_files(),
    message:
        "All dataset files, and the check of their source"


rule adapters:
    input:
        PLAN.data_check(),
        PLAN.adapter_files(),
    message:
        "All adapters"


rule predictions:
    input:
        PLAN.data_check(),
        PLAN.prediction_files(),
    message:
        "All predictions"


rule metrics:
    input:
        PLAN.data_check(),
        PLAN.metric_files(),
        COMPARED.over_seeds_files(),
        COMPARED.difference_files(),
        COMPARED.comparison_files(),
    message:
        "All scores and comparisons"


rule tables:
    input:
        PLAN.data_check(),
        DRAWN.table_files(),
    message:
        "All tables"


rule report:
    input:
        PLAN.data_card(),
        f"{RESULTS}/report.html",
        f"{RESULTS}/report.pdf",
    message:
        "The report as a page and as a PDF"


onstart:
    begin_run()


onerror:
    end_run()


onsuccess:
    shell("python scripts/summarise.py --results {RESULTS} --settings {SUMMARY:q}")
    end_run()
