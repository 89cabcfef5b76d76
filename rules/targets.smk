# The jobs that each rule has in this study, by their wildcards; each rule after those whose results
# it reads.
RUNS = STUDY.runs()
JOBS = {
    "base_model": each("base", STUDY.bases),
    "check_data": [{}],
    "dataset": [
        {"task": task, "split": split}
        for task in STUDY.settings.tasks
        for split in STUDY.splits(task)
    ],
    "describe_data": each("task", STUDY.settings.tasks if STUDY.described_model else ()),
    "leakage": each("task", STUDY.overlap_tasks),
    "data_card": [{}] if STUDY.described_model else [],
    "fetch_answers": [{}] if jobs.published_answers(STUDY) else [],
    "train_adapter": STUDY.adapters(),
    "predict": RUNS,
    "bertscore": [run for run in RUNS if run["task"] in STUDY.generation_tasks],
    # Of models whose weights run here.
    "measure_latency": each("model", filter(STUDY.model_tasks, STUDY.local_models)),
    "score": RUNS,
    "score_baseline": [
        {"model": baseline, "seed": "0", "task": task}
        for baseline in STUDY.settings.baselines
        for task in STUDY.baseline_tasks(baseline)
    ],
    "score_over_seeds": [
        {"model": model, "task": task}
        for model in STUDY.settings.models
        if len(STUDY.seeds_of(model)) > 1
        for task in STUDY.model_tasks(model)
    ],
    "choose_baseline": each("task", filter(STUDY.simple_baselines, STUDY.test_tasks)),
    "differences": each("task", COMPARED),
    "compare": [{}],
    "tidy_scores": [{}],
    "tidy_costs": [{}],
    "tidy_records": [{}],
    "export_model": each("model", STUDY.exported_models),
    "model_card": each("model", STUDY.exported_models),
    "render_table": each("table", TABLES),
    "draw_figures": [{}] if FIGURES else [],
    "report_page": [{}],
    "report_pdf": [{}],
}
# No rule makes another file: those of a baseline are called like a model's with the single seed 0.
for one in workflow.rules:
    for wildcard in one.wildcard_names:
        values = sorted({re.escape(job[wildcard]) for job in JOBS[one.name]})
        one.set_wildcard_constraints(**{wildcard: "|".join(values) or "none"})
    one.update_wildcard_constraints()


rule bases:
    """target: fetch all base weights; afterwards the study runs without a network"""
    input:
        targets("base_model"),


rule datasets:
    """target: fetch and check the data, and split them into files by task"""
    input:
        targets("check_data", "dataset"),


rule adapters:
    """target: train all models that are tuned"""
    input:
        targets("check_data", "train_adapter"),


rule predictions:
    """target: let all models answer the test records"""
    input:
        targets("check_data", "predict"),


rule latency:
    """target: measure how long models take for one answer"""
    input:
        targets("check_data", "measure_latency"),


rule metrics:
    """target: score all answers, and compare the models"""
    input:
        targets("check_data", "score", "score_baseline", "score_over_seeds", "choose_baseline"),
        targets("differences", "compare", "tidy_scores", "tidy_records"),


rule tables:
    """target: make all LaTeX tables"""
    input:
        targets("check_data", "render_table"),


rule report:
    """target: make the report as a page and, with LaTeX, as a PDF"""
    input:
        targets("data_card", "report_page", "report_pdf"),


rule export:
    """target: merge tuned models into folders that other programs load"""
    input:
        targets("check_data", "export_model", "model_card"),
