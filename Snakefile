# ecslm: from raw data to paper-ready tables. What runs is in config.yaml, how it runs in profiles/.

from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"


# Only for Snakemake's own reports: the rules use what common.smk has read.
configfile: "config.yaml"


include: "rules/data.smk"
include: "rules/adapters.smk"
include: "rules/predictions.smk"
include: "rules/metrics.smk"
include: "rules/exports.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/targets.smk"
include: "rules/display.smk"


wildcard_constraints:
    task=one_of(STUDY.tasks),
    split="train|val|test",
    model=one_of(STUDY.models),
    seed=one_of(map(str, SEEDS)),
    table=one_of(study_tables(PLAN.study)),
    base=one_of(PLAN.study.config.bases),


# Before Snakemake plans anything. Jobs and mere readers of the graph need none of it.
MADE = check_made() if IS_RUN else ()


rule all:
    """target (the default): the whole study, except exported models and the PDF"""
    default_target: True
    input:
        targets(*PLAN.rules_of_all),
    message:
        "The study's results"


onstart:
    begin_run()
    begin_display()


onerror:
    DISPLAY.end()
    RUN.end()


onsuccess:
    DISPLAY.end()
    DISPLAY.forget()
    end_run()
