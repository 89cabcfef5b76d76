# The baseline of scheduling.py: the rules of the project's workflow with the same wildcards, files
# and targets, but constant parameters, no validated configuration and no library behind them. Lists
# of files and facts of models come from the configuration, which scheduling.py writes.

import re


configfile: "shape.json"


RESULTS = config["results"]
MODELS = config["models"]
TABLES = config["tables"]
BASE = "results/bases/{base}/manifest.json"


wildcard_constraints:
    task="|".join(config["tasks"]),
    split="train|val|test",
    model="|".join(map(re.escape, MODELS)),
    baseline="|".join(config["baselines"]),
    seed=r"\d+",
    table="|".join(TABLES),
    base="|".join(map(re.escape, config["bases"])),


def adapter_of(wildcards):
    tuned = MODELS[wildcards.model]["tuned"]
    path = f"{RESULTS}/adapters/{wildcards.model}/seed-{wildcards.seed}/manifest.json"
    return path if tuned else []


def bertscore_of(wildcards):
    generates = wildcards.task in config["generation"]
    path = f"{RESULTS}/bertscore/{wildcards.model}/seed-{wildcards.seed}/{wildcards.task}.jsonl"
    return path if generates else []


def outcomes_of(wildcards):
    folder = f"{RESULTS}/metrics/{wildcards.model}"
    seeds = config["seeds"][wildcards.model]
    return [f"{folder}/seed-{seed}/{wildcards.task}.records.jsonl" for seed in seeds]


def majority_source(wildcards):
    majority = wildcards.baseline == "majority"
    return f"{RESULTS}/dataset/{wildcards.task}/train.jsonl" if majority else []


rule all:
    default_target: True
    input:
        config["datasets"],
        config["descriptions"],
        f"{RESULTS}/data_card.md",
        config["adapters"],
        config["predictions"],
        config["bertscores"],
        config["metrics"],
        config["over_seeds"],
        config["chosen"],
        config["differences"],
        config["comparisons"],
        config["rows"],
        config["figures"],
        config["drawn"],
        f"{RESULTS}/report.html",


rule bases:
    input:
        expand(BASE, base=config["bases"]),


rule datasets:
    input:
        config["datasets"],


rule adapters:
    input:
        f"{RESULTS}/data_check.json",
        config["adapters"],


rule predictions:
    input:
        f"{RESULTS}/data_check.json",
        config["predictions"],


rule latency:
    input:
        f"{RESULTS}/data_check.json",
        expand(f"{RESULTS}/latency/{{model}}.json", model=config["latencies"]),


rule metrics:
    input:
        f"{RESULTS}/data_check.json",
        config["metrics"],
        config["over_seeds"],
        config["differences"],
        config["comparisons"],


rule tables:
    input:
        f"{RESULTS}/data_check.json",
        config["drawn"],


rule report:
    input:
        f"{RESULTS}/data_card.md",
        f"{RESULTS}/report.html",
        f"{RESULTS}/report.pdf",


rule check_data:
    output:
        report=f"{RESULTS}/data_check.json",
        manifest=f"{RESULTS}/data_check.manifest.json",
    log:
        f"{RESULTS}/logs/check_data.log",
    priority: 1
    params:
        settings="default",
    message:
        "Check of the data"
    shell:
        "python check_data.py --settings {params.settings} --output {output.report} --log {log}"


rule dataset:
    output:
        records=f"{RESULTS}/dataset/{{task}}/{{split}}.jsonl",
        manifest=f"{RESULTS}/dataset/{{task}}/{{split}}.manifest.json",
    log:
        f"{RESULTS}/logs/dataset/{{task}}-{{split}}.log",
    params:
        settings="default",
    message:
        "Dataset file {wildcards.task} {wildcards.split}"
    shell:
        "python dataset.py --settings {params.settings} --output {output.records} 2> {log}"


rule describe_data:
    input:
        records=lambda wildcards: config["task_files"][wildcards.task],
        base=BASE.format(base=MODELS[config["described"]]["base"]),
        template=MODELS[config["described"]]["template"],
    output:
        description=f"{RESULTS}/descriptions/{{task}}.json",
        manifest=f"{RESULTS}/descriptions/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/describe_data/{{task}}.log",
    params:
        settings="default",
    message:
        "Description of the records of {wildcards.task}"
    shell:
        "python describe_data.py --records {input.records} --base {input.base}"
        " --template {input.template} --settings {params.settings}"
        " --output {output.description} 2> {log}"


rule leakage:
    input:
        test=f"{RESULTS}/dataset/{{task}}/test.jsonl",
        train=f"{RESULTS}/dataset/{{task}}/train.jsonl",
        others=lambda wildcards: [
            path
            for path in config["training"]["train"]
            if path != f"{RESULTS}/dataset/{wildcards.task}/train.jsonl"
        ],
    output:
        report=f"{RESULTS}/leakage/{{task}}.json",
        manifest=f"{RESULTS}/leakage/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/leakage/{{task}}.log",
    params:
        settings="default",
    message:
        "Overlap of {wildcards.task} test records with training"
    shell:
        "python leakage.py --test {input.test} --train {input.train}"
        " --other-train {input.others} --output {output.report} 2> {log}"


rule data_card:
    input:
        reports=config["card"],
        template="report/data_card.md.jinja",
    output:
        card=f"{RESULTS}/data_card.md",
        manifest=f"{RESULTS}/data_card.manifest.json",
    log:
        f"{RESULTS}/logs/data_card.log",
    params:
        settings="default",
    message:
        "Data card"
    shell:
        "python data_card.py --settings {params.settings} --output {output.card} 2> {log}"


rule base_model:
    output:
        manifest=BASE,
    log:
        "results/bases/{base}/fetch.log",
    params:
        settings="default",
    message:
        "Base weights {wildcards.base}"
    shell:
        "python base_model.py --settings {params.settings} --output {output.manifest} --log {log}"


rule train_adapter:
    input:
        train=config["training"]["train"],
        val=config["training"]["val"],
        base=lambda wildcards: BASE.format(base=MODELS[wildcards.model]["base"]),
        template=lambda wildcards: ancient(MODELS[wildcards.model]["template"]),
    output:
        manifest=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/manifest.json",
        weights=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/adapter_model.safetensors",
        config=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/adapter_config.json",
        history=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/log.jsonl",
        cost=f"{RESULTS}/adapters/{{model}}/seed-{{seed}}/cost.json",
    log:
        f"{RESULTS}/logs/train_adapter/{{model}}-seed-{{seed}}.log",
    threads: 8
    resources:
        gpu=1,
    params:
        settings="default",
    message:
        "Adapter {wildcards.model}, seed {wildcards.seed}"
    shell:
        "python train_adapter.py --train {input.train} --val {input.val} --base {input.base}"
        " --template {input.template} --settings {params.settings} --output {output.manifest}"
        " --log {log}"


rule predict:
    input:
        dataset=f"{RESULTS}/dataset/{{task}}/test.jsonl",
        base=lambda wildcards: BASE.format(base=MODELS[wildcards.model]["base"]),
        adapter=adapter_of,
        template=lambda wildcards: ancient(MODELS[wildcards.model]["template"]),
    output:
        predictions=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{task}}.jsonl",
        cost=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{task}}.cost.json",
        manifest=f"{RESULTS}/predictions/{{model}}/seed-{{seed}}/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/predict/{{model}}-seed-{{seed}}-{{task}}.log",
    threads: 8
    resources:
        gpu=1,
    params:
        settings="default",
    message:
        "Predictions of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python predict.py --dataset {input.dataset} --base {input.base} --adapter {input.adapter}"
        " --template {input.template} --settings {params.settings} --output {output.predictions}"
        " --cost {output.cost} --log {log}"


rule measure_latency:
    input:
        lambda wildcards: config["latencies"][wildcards.model],
    output:
        cost=f"{RESULTS}/latency/{{model}}.json",
        manifest=f"{RESULTS}/latency/{{model}}.manifest.json",
    log:
        f"{RESULTS}/logs/measure_latency/{{model}}.log",
    threads: 8
    resources:
        gpu=1,
    params:
        settings="default",
    message:
        "Latency of {wildcards.model}"
    shell:
        "python measure_latency.py --inputs {input} --settings {params.settings}"
        " --output {output.cost} --log {log}"


rule bertscore:
    input:
        predictions=rules.predict.output.predictions,
        encoder=config["encoder"],
    output:
        rows=f"{RESULTS}/bertscore/{{model}}/seed-{{seed}}/{{task}}.jsonl",
        manifest=f"{RESULTS}/bertscore/{{model}}/seed-{{seed}}/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/bertscore/{{model}}-seed-{{seed}}-{{task}}.log",
    threads: 8
    resources:
        gpu=1,
    params:
        settings="default",
    message:
        "BERTScore of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python bertscore.py --predictions {input.predictions} --encoder {input.encoder}"
        " --settings {params.settings} --output {output.rows} --manifest {output.manifest}"
        " --log {log}"


rule score:
    input:
        predictions=rules.predict.output.predictions,
        bertscore=bertscore_of,
    output:
        metrics=f"{RESULTS}/metrics/{{model}}/seed-{{seed}}/{{task}}.json",
        records=f"{RESULTS}/metrics/{{model}}/seed-{{seed}}/{{task}}.records.jsonl",
        manifest=f"{RESULTS}/metrics/{{model}}/seed-{{seed}}/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/score/{{model}}-seed-{{seed}}-{{task}}.log",
    params:
        settings="default",
    message:
        "Score of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python score.py --predictions {input.predictions} --bertscore {input.bertscore}"
        " --settings {params.settings} --output {output.metrics} --records {output.records}"
        " 2> {log}"


rule score_baseline:
    input:
        test=f"{RESULTS}/dataset/{{task}}/test.jsonl",
        train=majority_source,
    output:
        metrics=f"{RESULTS}/metrics/{{baseline}}/seed-0/{{task}}.json",
        records=f"{RESULTS}/metrics/{{baseline}}/seed-0/{{task}}.records.jsonl",
        manifest=f"{RESULTS}/metrics/{{baseline}}/seed-0/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/score_baseline/{{baseline}}-{{task}}.log",
    params:
        settings="default",
    message:
        "Score of the baseline {wildcards.baseline}, {wildcards.task}"
    shell:
        "python score_baseline.py --test {input.test} --train {input.train}"
        " --settings {params.settings} --output {output.metrics} --records {output.records}"
        " 2> {log}"


rule score_over_seeds:
    input:
        records=outcomes_of,
    output:
        metrics=f"{RESULTS}/metrics/{{model}}/over-seeds/{{task}}.json",
        manifest=f"{RESULTS}/metrics/{{model}}/over-seeds/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/score_over_seeds/{{model}}-{{task}}.log",
    params:
        settings="default",
    message:
        "Score of {wildcards.model} over its seeds, {wildcards.task}"
    shell:
        "python score_over_seeds.py --records {input.records} --settings {params.settings}"
        " --output {output.metrics} --manifest {output.manifest} 2> {log}"


rule choose_baseline:
    input:
        train=f"{RESULTS}/dataset/{{task}}/train.jsonl",
        val=f"{RESULTS}/dataset/{{task}}/val.jsonl",
    output:
        chosen=f"{RESULTS}/simple_baselines/{{task}}.json",
        manifest=f"{RESULTS}/simple_baselines/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/choose_baseline/{{task}}.log",
    params:
        settings="default",
    message:
        "Choose baseline, {wildcards.task}"
    shell:
        "python choose_baseline.py --train {input.train} --val {input.val}"
        " --settings {params.settings} --output {output.chosen} 2> {log}"


rule differences:
    input:
        records=lambda wildcards: config["compared"][wildcards.task],
        chosen=lambda wildcards: config["choices"][wildcards.task],
    output:
        differences=f"{RESULTS}/differences/{{task}}.json",
        manifest=f"{RESULTS}/differences/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/differences/{{task}}.log",
    params:
        settings="default",
    message:
        "Differences, {wildcards.task}"
    shell:
        "python differences.py --settings {params.settings} --output {output.differences} 2> {log}"


rule compare:
    input:
        differences=config["differences"],
    output:
        comparisons=config["comparisons"],
        manifest=f"{RESULTS}/comparisons/manifest.json",
    log:
        f"{RESULTS}/logs/compare.log",
    message:
        "Comparisons"
    shell:
        "python compare.py --differences {input.differences} 2> {log}"


rule tidy_scores:
    input:
        results=config["scored"],
    output:
        rows=config["rows"],
    log:
        f"{RESULTS}/logs/tidy_scores.log",
    params:
        settings="default",
    message:
        "Tidy scores"
    shell:
        "python tidy_scores.py --settings {params.settings} 2> {log}"


rule draw_figures:
    input:
        results=config["figured"],
    output:
        figures=config["figures"],
    log:
        f"{RESULTS}/logs/draw_figures.log",
    params:
        settings="default",
    message:
        "Figures"
    shell:
        "python draw_figures.py --settings {params.settings} 2> {log}"


rule render_table:
    input:
        results=lambda wildcards: TABLES[wildcards.table]["results"],
        template=lambda wildcards: TABLES[wildcards.table]["template"],
        resources=lambda wildcards: TABLES[wildcards.table]["resources"],
    output:
        tex=f"{RESULTS}/tables/{{table}}.tex",
        json=f"{RESULTS}/tables/{{table}}.json",
        manifest=f"{RESULTS}/tables/{{table}}.manifest.json",
    log:
        f"{RESULTS}/logs/render_table/{{table}}.log",
    params:
        settings="default",
    message:
        "Table {wildcards.table}"
    shell:
        "python render_table.py --template {input.template} --settings {params.settings}"
        " --tex {output.tex} --json {output.json} 2> {log}"


rule report_page:
    input:
        results=config["report"],
        page="report/report.html.jinja",
        document="report/report.tex.jinja",
    output:
        html=f"{RESULTS}/report.html",
        tex=f"{RESULTS}/report.tex",
        manifest=f"{RESULTS}/report.manifest.json",
    log:
        f"{RESULTS}/logs/report_page.log",
    params:
        settings="default",
    message:
        "Report"
    shell:
        "python report.py --html-template {input.page} --tex-template {input.document}"
        " --settings {params.settings} --html {output.html} --tex {output.tex} 2> {log}"


rule report_pdf:
    input:
        document=rules.report_page.output.tex,
        tables=config["drawn"],
    output:
        pdf=f"{RESULTS}/report.pdf",
        manifest=f"{RESULTS}/report.pdf.manifest.json",
    log:
        f"{RESULTS}/logs/report_pdf.log",
    params:
        settings="default",
    message:
        "Report as PDF"
    shell:
        "python report_pdf.py --tex {input.document} --pdf {output.pdf} 2> {log}"
