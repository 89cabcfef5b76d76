from ecslm.comparisons.results import LIBRARIES

# The tasks whose scores are compared.
COMPARED = [task for task in STUDY.test_tasks if comparisons.task_contrasts(STUDY, task)]


rule score:
    """step: score one model's answers to one task"""
    input:
        predictions="<results>/predictions/{model}/seed-{seed}/{task}.jsonl",
        bertscore=branch(
            lambda job: job.task in STUDY.generation_tasks,
            then="<results>/bertscore/{model}/seed-{seed}/{task}.jsonl",
        ),
    output:
        metrics="<results>/metrics/{model}/seed-{seed}/{task}.json",
        records="<results>/metrics/{model}/seed-{seed}/{task}.records.jsonl",
        manifest="<results>/metrics/{model}/seed-{seed}/{task}.manifest.json",
    params:
        **made_by("score.py", jobs.score_settings),
        bertscore=lambda wildcards, input: options(bertscore=input.bertscore),
    shell:
        "python scripts/score.py --task {wildcards.task} --model {wildcards.model}"
        " --seed {wildcards.seed} --predictions {input.predictions} {params.bertscore}"
        " --settings {params.settings:q} --code {params.code} --output {output.metrics}"
        " --records {output.records} --manifest {output.manifest} > {log} 2>&1"


rule score_baseline:
    """step: score one trivial baseline, such as always yes, on one task"""
    input:
        test="<results>/dataset/{task}/test.jsonl",
        train=branch(
            lambda job: job.model == "majority", then="<results>/dataset/{task}/train.jsonl"
        ),
    output:
        metrics="<results>/metrics/{model}/seed-{seed}/{task}.json",
        records="<results>/metrics/{model}/seed-{seed}/{task}.records.jsonl",
        manifest="<results>/metrics/{model}/seed-{seed}/{task}.manifest.json",
    params:
        **made_by("score_baseline.py", jobs.score_settings),
        train=lambda wildcards, input: options(train=input.train),
    shell:
        "python scripts/score_baseline.py --baseline {wildcards.model}"
        " --task {wildcards.task} --test {input.test} {params.train}"
        " --settings {params.settings:q} --code {params.code} --output {output.metrics}"
        " --records {output.records} --manifest {output.manifest} 2> {log}"


rule score_over_seeds:
    """step: average one model's scores of one task over its seeds"""
    input:
        records=lambda job: expand(
            "<results>/metrics/{model}/seed-{seed}/{task}.records.jsonl",
            **{"model": job.model, "seed": STUDY.seeds_of(job.model), "task": job.task},
        ),
    output:
        metrics="<results>/metrics/{model}/over-seeds/{task}.json",
        manifest="<results>/metrics/{model}/over-seeds/{task}.manifest.json",
    params:
        **made_by("score_over_seeds.py", jobs.over_seeds_settings),
        # Compared through the inputs, which change with them.
        seeds=lambda wildcards, input: " ".join(map(str, STUDY.seeds_of(wildcards.model))),
    shell:
        "python scripts/score_over_seeds.py --task {wildcards.task} --model {wildcards.model}"
        " --seeds {params.seeds} --records {input.records} --settings {params.settings:q}"
        " --code {params.code} --output {output.metrics} --manifest {output.manifest} 2> {log}"


rule choose_baseline:
    """step: choose the best simple baseline of one task without its test records"""
    input:
        train="<results>/dataset/{task}/train.jsonl",
        val="<results>/dataset/{task}/val.jsonl",
    output:
        chosen="<results>/simple_baselines/{task}.json",
        manifest="<results>/simple_baselines/{task}.manifest.json",
    params:
        **made_by("choose_baseline.py", jobs.choose_settings),
    shell:
        "python scripts/choose_baseline.py --task {wildcards.task} --train {input.train}"
        " --val {input.val} --settings {params.settings:q} --code {params.code}"
        " --output {output.chosen} --manifest {output.manifest} > {log} 2>&1"


rule differences:
    """step: test differences between scores of one task"""
    input:
        # Of all rows that are compared, or among which the best baseline is.
        records=lambda job: [
            f"<results>/metrics/{row}/seed-{seed}/{job.task}.records.jsonl"
            for row in comparisons.compared_rows(STUDY, job.task)
            for seed in STUDY.seeds_of(row)
        ],
        chosen=branch(
            lambda job: comparisons.takes_best_baseline(STUDY, job.task),
            then="<results>/simple_baselines/{task}.json",
        ),
    output:
        differences="<results>/differences/{task}.json",
        manifest="<results>/differences/{task}.manifest.json",
    params:
        **gathered_by("differences.py", comparisons.differences_settings),
    shell:
        "python scripts/differences.py --task {wildcards.task} --results {params.results}"
        " --settings {params.settings:q} --code {params.code} --output {output.differences}"
        " --manifest {output.manifest} > {log} 2>&1"


rule compare:
    """step: adjust p-values for the number of tests (Holm), and write all comparisons as rows"""
    input:
        differences=expand("<results>/differences/{task}.json", task=COMPARED),
    output:
        parquet="<results>/comparisons.parquet",
        manifest="<results>/comparisons.manifest.json",
    params:
        **made_by("compare.py", libraries=lambda study: LIBRARIES),
        differences=lambda wildcards, input: options(differences=input.differences),
    shell:
        "python scripts/compare.py {params.differences} --output {output.parquet}"
        " --manifest {output.manifest} --code {params.code} > {log} 2>&1"
