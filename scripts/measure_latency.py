"""Measure how long a model takes to answer test prompts one at a time."""

from ecslm.families.transformers.latency import measure_latency
from ecslm.script import run_script

if __name__ == "__main__":
    run_script(measure_latency)
