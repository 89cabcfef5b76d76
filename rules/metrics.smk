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
        " --records {output.records} --manifest {output.manifest} > {log} 2>&1"


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


rule score_over_seeds:
    input:
        records=parameter(COMPARED.outcomes, "model", "task"),
    output:
        metrics=f"{RESULTS}/metrics/{{model}}/over-seeds/{{task}}.json",
        manifest=f"{RESULTS}/metrics/{{model}}/over-seeds/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/score_over_seeds/{{model}}-{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(COMPARED.over_seeds_settings, "task"),
        code=parameter(COMPARED.over_seeds_code, "task"),
        versions=PLAN.score_versions(),
        # Told by the inputs, of which Snakemake knows.
        seeds=lambda wildcards, input: " ".join(map(str, PLAN.model(wildcards.model).seeds)),
    message:
        "Score of {wildcards.model} over its seeds, {wildcards.task}"
    shell:
        "python scripts/score_over_seeds.py --task {wildcards.task} --model {wildcards.model}"
        " --seeds {params.seeds} --records {input.records} --settings {params.settings:q}"
        " --code {params.code} --output {output.metrics} --manifest {output.manifest} 2> {log}"


rule differences:
    input:
        records=parameter(COMPARED.compared_outcomes, "task"),
    output:
        differences=f"{RESULTS}/differences/{{task}}.json",
        manifest=f"{RESULTS}/differences/{{task}}.manifest.json",
    log:
        f"{RESULTS}/logs/differences/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=parameter(COMPARED.differences_settings, "task"),
        code=parameter(COMPARED.differences_code, "task"),
        versions=COMPARED.differences_versions(),
        results=lambda wildcards: RESULTS,
    message:
        "Differences, {wildcards.task}"
    shell:
        "python scripts/differences.py --task {wildcards.task} --results {params.results}"
        " --settings {params.settings:q} --code {params.code} --output {output.differences}"
        " --manifest {output.manifest} 2> {log}"


rule compare:
    input:
        differences=COMPARED.difference_files(),
    output:
        comparisons=COMPARED.comparison_files(),
        manifest=COMPARED.manifest,
    log:
        f"{RESULTS}/logs/compare.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=code_parameter("compare.py"),
        folder=subpath(output.manifest, parent=True),
    message:
        "Comparisons"
    shell:
        "python scripts/compare.py --differences {input.differences} --output {params.folder}"
        " --manifest {output.manifest} --code {params.code} 2> {log}"
