rule fetch_answers:
    """step: fetch answers that others have published"""
    output:
        answers=[
            f"<results>/answers/{one.model}-{one.task}.jsonl"
            for one in jobs.published_answers(STUDY)
        ],
        manifest="<results>/answers/manifest.json",
    resources:
        # The commit pins the content, whatever its source.
        archive=STUDY.settings.answers.archive if STUDY.settings.answers else "",
    params:
        **made_by("fetch_answers.py", jobs.fetch_settings),
        folder=subpath(output.manifest, parent=True),
    shell:
        "python scripts/fetch_answers.py --archive {resources.archive:q}"
        " --settings {params.settings:q} --output {params.folder} --code {params.code}"
        " --manifest {output.manifest} --log {log}"


rule predict:
    """step: let one model answer the test records of one task"""
    input:
        dataset="<results>/dataset/{task}/test.jsonl",
        base=base_of,
        adapter=adapter_of,
        # Answers that exist before the model is asked: others' own, or files of a folder.
        answers=lambda job: list(STUDY.answer_files(job.model, job.task)),
        train=branch(learns, then="<results>/dataset/{task}/train.jsonl"),
        val=branch(learns, then="<results>/dataset/{task}/val.jsonl"),
    output:
        predictions="<results>/predictions/{model}/seed-{seed}/{task}.jsonl",
        cost=timed("<results>/predictions/{model}/seed-{seed}/{task}.cost.json"),
        manifest="<results>/predictions/{model}/seed-{seed}/{task}.manifest.json",
    priority: model_by_model
    # Only jobs that compute need more than one.
    threads: lambda job: STUDY.settings.threads if of_backend("gpu", job) else 1
    resources:
        **request("predict"),
        # 0 if the backend needs none.
        gpu=lambda job: of_backend("gpu", job),
        api=lambda job: of_backend("api", job),
        # How its server is reached, if it has one.
        access=lambda job: jobs.access(STUDY, job.model) or 0,
        batch_tokens=STUDY.settings.batch_tokens,
    params:
        **made_by("predict.py", jobs.prediction_settings, jobs.prediction_libraries),
        template=prompt,
        # What the backend of the model takes.
        options=lambda wildcards, input, resources: options(
            **{name: input[name] for name in ("base", "adapter", "answers", "train", "val")},
            adapter_of=STUDY.model(wildcards.model).adapter_of,
            template=resources.template,
            template_digest=prompt(wildcards),
            access=resources.access,
        ),
    shell:
        "python scripts/predict.py --dataset {input.dataset} {params.options}"
        " --settings {params.settings:q} --batch-tokens {resources.batch_tokens}"
        " --model {wildcards.model} --seed {wildcards.seed} --device {resources.device}"
        " --threads {resources.model_threads} --code {params.code} --output {output.predictions}"
        " --cost {output.cost} --manifest {output.manifest} --log {log}"


rule measure_latency:
    """step: measure how long one model takes for one answer"""
    input:
        datasets=lambda job: expand(
            "<results>/dataset/{task}/test.jsonl", task=STUDY.model_tasks(job.model)
        ),
        base=base_of,
        adapter=adapter_of,
    output:
        cost=timed("<results>/latency/{model}.json"),
        manifest="<results>/latency/{model}.manifest.json",
    priority: model_by_model
    # All cores, so that no other job runs at the same time and slows it down.
    threads: whole_machine
    resources:
        **request("measure_latency"),
        gpu=1,
    params:
        **made_by("measure_latency.py", jobs.latency_settings, jobs.latency_libraries),
        template=prompt,
        adapter=lambda wildcards, input: options(
            adapter=input.adapter, adapter_of=STUDY.model(wildcards.model).adapter_of
        ),
        # Compared through the inputs, which change with it.
        seed=lambda wildcards, input: STUDY.first_seed(wildcards.model),
    shell:
        "python scripts/measure_latency.py --datasets {input.datasets} --base {input.base}"
        " {params.adapter} --template {resources.template} --template-digest {params.template}"
        " --settings {params.settings:q} --model {wildcards.model} --seed {params.seed}"
        " --device {resources.device} --threads {resources.model_threads} --code {params.code}"
        " --output {output.cost} --manifest {output.manifest} --log {log}"


rule bertscore:
    """step: score one model's generated texts by BERTScore"""
    input:
        predictions="<results>/predictions/{model}/seed-{seed}/{task}.jsonl",
        encoder=lambda job: STUDY.base(STUDY.settings.bertscore.encoder),
    output:
        rows="<results>/bertscore/{model}/seed-{seed}/{task}.jsonl",
        manifest="<results>/bertscore/{model}/seed-{seed}/{task}.manifest.json",
    threads: STUDY.settings.threads
    resources:
        **request("bertscore"),
        gpu=1,
    params:
        **made_by("bertscore.py", jobs.bertscore_settings),
    shell:
        "python scripts/bertscore.py --predictions {input.predictions} --encoder {input.encoder}"
        " --settings {params.settings:q} --device {resources.device} --code {params.code}"
        " --output {output.rows} --manifest {output.manifest} --log {log}"
