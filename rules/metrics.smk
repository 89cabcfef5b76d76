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
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(PLAN.score_settings, "task"),
        code=lambda wildcards: PLAN.score_code("score.py", wildcards.task),
        versions=PLAN.score_versions(),
        bertscore=lambda wildcards, input: (
            f"--bertscore {input.bertscore}" if input.bertscore else ""
        ),
    message:
        "Score of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python scripts/score.py --task {wildcards.task} --model {wildcards.model}"
        " --seed {wildcards.seed} --predictions {input.predictions} {params.bertscore}"
        " --settings {params.settings:q} --code {params.code} --output {output.metrics}"
        " --records {output.records} --manifest {output.manifest} 2> {log}"


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
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(PLAN.score_settings, "task"),
        code=lambda wildcards: PLAN.score_code("score_baseline.py", wildcards.task),
        versions=PLAN.score_versions(),
        train=lambda wildcards, input: f"--train {input.train}" if input.train else "",
    message:
        "Score of the baseline {wildcards.baseline}, {wildcards.task}"
    shell:
        "python scripts/score_baseline.py --baseline {wildcards.baseline}"
        " --task {wildcards.task} --test {input.test} {params.train}"
        " --settings {params.settings:q} --code {params.code} --output {output.metrics}"
        " --records {output.records} --manifest {output.manifest} 2> {log}"
