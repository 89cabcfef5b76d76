FETCH_ANSWERS = planned("fetch_answers")
PREDICT = planned("predict")
LATENCY = planned("measure_latency")
BERTSCORE = planned("bertscore")


rule fetch_answers:
    """step: fetch answers that others have published"""
    output:
        answers=FETCH_ANSWERS.output("answers"),
        manifest=FETCH_ANSWERS.output("manifest"),
    log:
        f"{RESULTS}/logs/fetch_answers.log",
    conda:
        "../envs/ecslm.yaml"
    resources:
        # The commit pins the content, whatever its source.
        archive=STUDY.answers.archive if STUDY.answers else "",
    params:
        settings=FETCH_ANSWERS.settings,
        code=FETCH_ANSWERS.code,
        folder=subpath(output.manifest, parent=True),
    message:
        "Published answers"
    shell:
        "python scripts/fetch_answers.py --archive {resources.archive:q}"
        " --settings {params.settings:q} --output {params.folder} --code {params.code}"
        " --manifest {output.manifest} --log {log}"


rule predict:
    """step: let one model answer the test records of one task"""
    input:
        dataset=PREDICT.input("dataset"),
        base=PREDICT.input("base"),
        adapter=PREDICT.input("adapter"),
        answers=PREDICT.input("answers"),
        train=PREDICT.input("train"),
        val=PREDICT.input("val"),
    output:
        predictions=PREDICT.output("predictions"),
        cost=PREDICT.output("cost"),
        manifest=PREDICT.output("manifest"),
    log:
        f"{RESULTS}/logs/predict/{{model}}-seed-{{seed}}-{{task}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/predict/{{model}}-seed-{{seed}}-{{task}}.tsv"
    priority: model_by_model
    conda:
        "../envs/ecslm.yaml"
    threads: PREDICT.resource("threads")
    resources:
        # 0 if the backend needs none.
        gpu=PREDICT.resource("gpu"),
        api=PREDICT.resource("api"),
        access=PREDICT.resource("access"),
        mem_mb=PREDICT.mem_mb,
        runtime=PREDICT.runtime,
        device=STUDY.device,
        template=PREDICT.template_file,
        # Not {threads}, which `--cores` caps.
        model_threads=STUDY.threads,
        batch_tokens=STUDY.batch_tokens,
    params:
        settings=PREDICT.settings,
        template=PREDICT.template,
        code=PREDICT.code,
        versions=PREDICT.versions,
        base=option("base"),
        adapter=adapter_options,
        answers=option("answers"),
        train=option("train"),
        val=option("val"),
        prompt=prompt_options,
        access=access_option,
    message:
        "Predictions of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python scripts/predict.py --dataset {input.dataset} {params.base} {params.adapter}"
        " {params.answers} {params.train} {params.val} {params.prompt} {params.access}"
        " --settings {params.settings:q}"
        " --batch-tokens {resources.batch_tokens} --model {wildcards.model}"
        " --seed {wildcards.seed} --device {resources.device}"
        " --threads {resources.model_threads} --code {params.code}"
        " --output {output.predictions} --cost {output.cost} --manifest {output.manifest}"
        " --log {log}"


rule measure_latency:
    """step: measure how long one model takes for one answer"""
    input:
        datasets=LATENCY.input("datasets"),
        base=LATENCY.input("base"),
        adapter=LATENCY.input("adapter"),
    output:
        cost=LATENCY.output("cost"),
        manifest=LATENCY.output("manifest"),
    log:
        f"{RESULTS}/logs/measure_latency/{{model}}.log",
    priority: model_by_model
    conda:
        "../envs/ecslm.yaml"
    # All cores, so that no other job runs at the same time and slows it down.
    threads: whole_machine
    resources:
        gpu=LATENCY.resource("gpu"),
        mem_mb=LATENCY.mem_mb,
        runtime=LATENCY.runtime,
        device=STUDY.device,
        template=LATENCY.template_file,
        # Not {threads}, which `--cores` caps.
        model_threads=STUDY.threads,
        # Identifies the process that has loaded the model.
        worker_code=LATENCY.resource("worker_code"),
    params:
        settings=LATENCY.settings,
        template=LATENCY.template,
        code=LATENCY.code,
        versions=LATENCY.versions,
        adapter=adapter_options,
        # Compared through the inputs, which change with it.
        seed=lambda wildcards, input: first_seed(wildcards),
    message:
        "Latency of {wildcards.model}"
    shell:
        "python scripts/measure_latency.py --datasets {input.datasets} --base {input.base}"
        " {params.adapter} --template {resources.template} --template-digest {params.template}"
        " --settings {params.settings:q} --model {wildcards.model} --seed {params.seed}"
        " --device {resources.device} --threads {resources.model_threads} --code {params.code}"
        " --worker-code {resources.worker_code} --output {output.cost}"
        " --manifest {output.manifest} --log {log}"


rule bertscore:
    """step: score one model's generated texts by BERTScore"""
    input:
        predictions=BERTSCORE.input("predictions"),
        encoder=BERTSCORE.input("encoder"),
    output:
        rows=BERTSCORE.output("rows"),
        manifest=BERTSCORE.output("manifest"),
    log:
        f"{RESULTS}/logs/bertscore/{{model}}-seed-{{seed}}-{{task}}.log",
    benchmark:
        f"{RESULTS}/benchmarks/bertscore/{{model}}-seed-{{seed}}-{{task}}.tsv"
    conda:
        "../envs/ecslm.yaml"
    threads: STUDY.threads
    resources:
        gpu=1,
        mem_mb=BERTSCORE.mem_mb,
        runtime=BERTSCORE.runtime,
        device=STUDY.device,
    params:
        settings=BERTSCORE.settings,
        code=BERTSCORE.code,
        versions=BERTSCORE.versions,
        cache=lambda wildcards: str(CACHE / "bertscore"),
    message:
        "BERTScore of {wildcards.model}, seed {wildcards.seed}, {wildcards.task}"
    shell:
        "python scripts/bertscore.py --predictions {input.predictions} --encoder {input.encoder}"
        " --settings {params.settings:q} --device {resources.device} --code {params.code}"
        " --cache {params.cache} --output {output.rows} --manifest {output.manifest} --log {log}"
