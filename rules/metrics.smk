SCORE = planned("score")
SCORE_BASELINE = planned("score_baseline")
SCORE_OVER_SEEDS = planned("score_over_seeds")
CHOOSE = planned("choose_baseline")
DIFFERENCES = planned("differences")
COMPARE = planned("compare")


rule score:
    """step: score one model's answers to one task"""
    input:
        predictions=SCORE.input("predictions"),
        bertscore=SCORE.input("bertscore"),
    output:
        metrics=SCORE.output("metrics"),
        records=SCORE.output("records"),
        manifest=SCORE.output("manifest"),
    log:
        f"{RESULTS}/logs/score/{{model}}-seed-{{seed}}-{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=SCORE.settings,
        code=SCORE.code,
        versions=SCORE.versions,
        bertscore=option("bertscore"),
    message:
        "Score of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python scripts/score.py --task {wildcards.task} --model {wildcards.model}"
        " --seed {wildcards.seed} --predictions {input.predictions} {params.bertscore}"
        " --settings {params.settings:q} --code {params.code} --output {output.metrics}"
        " --records {output.records} --manifest {output.manifest} > {log} 2>&1"


rule score_baseline:
    """step: score one trivial baseline, such as always yes, on one task"""
    input:
        test=SCORE_BASELINE.input("test"),
        train=SCORE_BASELINE.input("train"),
    output:
        metrics=SCORE_BASELINE.output("metrics"),
        records=SCORE_BASELINE.output("records"),
        manifest=SCORE_BASELINE.output("manifest"),
    log:
        f"{RESULTS}/logs/score_baseline/{{model}}-seed-{{seed}}-{{task}}.log",
    # Files of a baseline are called like those of a model with the single seed 0.
    wildcard_constraints:
        model=one_of(STUDY.baselines),
        seed="0",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=SCORE_BASELINE.settings,
        code=SCORE_BASELINE.code,
        versions=SCORE_BASELINE.versions,
        train=option("train"),
    message:
        "Score of the baseline {wildcards.model}, {wildcards.task}"
    shell:
        "python scripts/score_baseline.py --baseline {wildcards.model}"
        " --task {wildcards.task} --test {input.test} {params.train}"
        " --settings {params.settings:q} --code {params.code} --output {output.metrics}"
        " --records {output.records} --manifest {output.manifest} 2> {log}"


rule score_over_seeds:
    """step: average one model's scores of one task over its seeds"""
    input:
        records=SCORE_OVER_SEEDS.input("records"),
    output:
        metrics=SCORE_OVER_SEEDS.output("metrics"),
        manifest=SCORE_OVER_SEEDS.output("manifest"),
    log:
        f"{RESULTS}/logs/score_over_seeds/{{model}}-{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=SCORE_OVER_SEEDS.settings,
        code=SCORE_OVER_SEEDS.code,
        versions=SCORE_OVER_SEEDS.versions,
        # Compared through the inputs, which change with them.
        seeds=lambda wildcards, input: " ".join(map(str, STUDY.models[wildcards.model].seeds)),
    message:
        "Score of {wildcards.model} over its seeds, {wildcards.task}"
    shell:
        "python scripts/score_over_seeds.py --task {wildcards.task} --model {wildcards.model}"
        " --seeds {params.seeds} --records {input.records} --settings {params.settings:q}"
        " --code {params.code} --output {output.metrics} --manifest {output.manifest} 2> {log}"


rule choose_baseline:
    """step: choose the best simple baseline of one task without its test records"""
    input:
        train=CHOOSE.input("train"),
        val=CHOOSE.input("val"),
    output:
        chosen=CHOOSE.output("chosen"),
        manifest=CHOOSE.output("manifest"),
    log:
        f"{RESULTS}/logs/choose_baseline/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=CHOOSE.settings,
        code=CHOOSE.code,
        versions=CHOOSE.versions,
    message:
        "Best simple baseline, {wildcards.task}"
    shell:
        "python scripts/choose_baseline.py --task {wildcards.task} --train {input.train}"
        " --val {input.val} --settings {params.settings:q} --code {params.code}"
        " --output {output.chosen} --manifest {output.manifest} > {log} 2>&1"


rule differences:
    """step: test differences between scores of one task"""
    input:
        records=DIFFERENCES.input("records"),
        chosen=DIFFERENCES.input("chosen"),
    output:
        differences=DIFFERENCES.output("differences"),
        manifest=DIFFERENCES.output("manifest"),
    log:
        f"{RESULTS}/logs/differences/{{task}}.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        settings=DIFFERENCES.settings,
        code=DIFFERENCES.code,
        versions=DIFFERENCES.versions,
        results=lambda wildcards: RESULTS,
    message:
        "Differences, {wildcards.task}"
    shell:
        "python scripts/differences.py --task {wildcards.task} --results {params.results}"
        " --settings {params.settings:q} --code {params.code} --output {output.differences}"
        " --manifest {output.manifest} > {log} 2>&1"


rule compare:
    """step: adjust the p-values for the number of tests (Holm)"""
    input:
        differences=COMPARE.input("differences"),
    output:
        comparisons=COMPARE.output("comparisons"),
        manifest=COMPARE.output("manifest"),
    log:
        f"{RESULTS}/logs/compare.log",
    conda:
        "../envs/ecslm.yaml"
    params:
        code=COMPARE.code,
        folder=subpath(output.manifest, parent=True),
    message:
        "Comparisons"
    shell:
        "python scripts/compare.py --differences {input.differences} --output {params.folder}"
        " --manifest {output.manifest} --code {params.code} > {log} 2>&1"
