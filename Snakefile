# ecslm: from raw data to paper-ready tables. What runs is in config.yaml and
# studies/, how it runs in profiles/.

from snakemake.utils import min_version

min_version("9.27")


include: "rules/common.smk"
include: "rules/run.smk"
include: "rules/data.smk"
include: "rules/adapters.smk"
include: "rules/predictions.smk"
include: "rules/metrics.smk"
include: "rules/tidy.smk"
include: "rules/exports.smk"
include: "rules/figures.smk"
include: "rules/report.smk"
include: "rules/targets.smk"
include: "rules/display.smk"


# Before Snakemake plans anything. Jobs and mere readers of the graph need none of it.
MADE = check_made() if IS_RUN else ()


rule all:
    """target (the default): the whole study, except exported models and the PDF"""
    default_target: True
    input:
        targets("check_data", "dataset", "describe_data", "leakage", "data_card"),
        targets("fetch_answers", "train_adapter", "predict", "bertscore"),
        targets("score", "score_baseline", "score_over_seeds", "choose_baseline"),
        targets("differences", "compare", "tidy_scores", "tidy_costs", "tidy_records"),
        targets("render_table", "draw_figures", "report_page"),


# Those that run models, and so ask for a GPU, are sent to the nodes of a cluster. The others run
# where Snakemake runs: they take seconds (a minute for the paper's data), less than waiting in a
# scheduler's queue, or need a network, which nodes may lack.
workflow.localrules(*(one.name for one in workflow.rules if "gpu" not in one.resources))
for one in workflow.rules:
    if not one.norun:
        # Of `--sdm conda`; relative to rules/.
        one.conda_env = "../envs/ecslm.yaml"
        # By its rule and wildcards a job is called in what a run prints, and its log.
        names = list(dict.fromkeys(re.findall(r"{(\w+)", one.output[0])))
        label = ", ".join(f"{{wildcards.{name}}}" for name in names)
        label = label.replace("{wildcards.seed}", "seed {wildcards.seed}")
        one.message = f"{one.name.replace('_', ' ').capitalize()} {label}".strip()
        file = "-".join(f"{{{name}}}" for name in names).replace("{seed}", "seed-{seed}")
        one.log_modifier = one.output_modifier
        if not one.log:
            one.set_log(f"<results>/logs/{f'{one.name}/{file}' if names else one.name}.log")


onstart:
    begin_run()
    begin_display()


onerror:
    DISPLAY.end(succeeded=False)
    RUN.end()


onsuccess:
    DISPLAY.end(succeeded=True)
    end_run()
