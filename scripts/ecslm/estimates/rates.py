"""Assumed shares of a device's rates that jobs reach, and their overheads beside the model.

Measured ones are of SmolLM2-135M on two cores with AMX. No GPU was measured yet: what is said of
GPUs is low where it is a share, and high where it is a cost.
"""

from ecslm.estimates.devices import Device
from ecslm.estimates.estimate import Assumption, Source

MEASURED: Source = ("measured", "benchmarks/README.md")
LADDER: Source = ("published", "Llama-3.2-3B with LoRA on an A100: 9 % padded, 29 % packed")
BETWEEN: Source = ("assumed", "between the 9 % padded and the 29 % packed of an A100")
ASSUMED: Source = ("assumed", "not measured")

# Of the rate of matrix products, by whether layers are fused on a CPU, or records packed on a GPU.
TRAINING = {
    ("cpu", False): Assumption("share of FLOP/s in training", 0.055, "", *MEASURED),
    ("cpu", True): Assumption("share of FLOP/s in training, fused", 0.17, "", *MEASURED),
    ("cuda", False): Assumption("share of FLOP/s in training", 0.15, "", *BETWEEN),
    ("cuda", True): Assumption("share of FLOP/s in training, packed", 0.29, "", *LADDER),
}
READING = {
    "cpu": Assumption("share of FLOP/s in reading prompts", 0.25, "", *MEASURED),
    "cuda": Assumption("share of FLOP/s in reading prompts", 0.4, "", *ASSUMED),
}
DOUBLES = Assumption("share of FLOP/s in float64", 0.3, "", *ASSUMED)
WRITING = Assumption("share of memory bandwidth in writing answers", 0.6, "", *ASSUMED)
# Starting what a layer computes; on a GPU that may take longer than computing it.
LAYER = {
    "cpu": Assumption("starting a layer", 0.3e-3, "s", *ASSUMED),
    "cuda": Assumption("starting a layer", 0.8e-3, "s", *ASSUMED),
}
# A forward and a backward pass through a layer with updates, against a forward pass alone.
PASSES = Assumption("starts of a layer in a step of training", 4, "", *ASSUMED)
# With several processes that wait for each other.
TOGETHER = Assumption("speed that a further process adds", 0.85, "", *ASSUMED)
# Libraries, and the device.
START = {
    "cpu": Assumption("start of a job", 20, "s", *MEASURED),
    "cuda": Assumption("start of a job", 60, "s", *ASSUMED),
}
LOADING = Assumption("reading and verifying files", 0.3e9, "bytes/s", *ASSUMED)

# Memory of a process beside the model: Python, libraries, tokenizer.
PROCESS = {
    "cpu": Assumption("memory of a process without a model", 0.75e9, "bytes", *MEASURED),
    "cuda": Assumption("memory of a process without a model", 4e9, "bytes", *ASSUMED),
}
# CUDA's own, with workspaces of matrix products.
CONTEXT = Assumption("memory of a GPU without a model", 1e9, "bytes", *ASSUMED)
# Gaps between tensors, and memory that is kept for the next ones.
PIECES = {
    "cpu": Assumption("memory for each byte of tensors", 1.25, "bytes", *MEASURED),
    "cuda": Assumption("memory for each byte of tensors", 1.15, "bytes", *ASSUMED),
}
# On a CPU, products of each new shape leave something behind; a training has hundreds of shapes.
SHAPES = Assumption("memory of a training for shapes of products", 0.4e9, "bytes", *MEASURED)
# Numbers in lists of Python, in prompt and answer, and the texts they came from.
TOKEN = Assumption("memory for each token of the records", 60, "bytes", *ASSUMED)


def common(device: Device) -> tuple[Assumption, ...]:
    """What all estimates of jobs that run a model rest on."""
    row, kind = device.row, device.kind
    source: Source = ("measured" if kind == "cpu" else "published", row.figures_from)
    of_gpu = (CONTEXT,) if kind == "cuda" else ()
    return (
        Assumption(f"{row.device}: matrix products", row.tflops, "TFLOP/s", *source),
        Assumption(f"{row.device}: reading memory", row.bandwidth_gb_s, "GB/s", *source),
        *(START[kind], LOADING, LAYER[kind], PROCESS[kind], *of_gpu, PIECES[kind]),
    )
