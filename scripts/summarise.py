"""Print the scores of a study, and where its results are, as a finished run does."""

from ecslm.plan.report import study_summary
from ecslm.plan.study import Choice
from ecslm.provenance.dag import read_dag
from ecslm.script import run_script


def main(choice: Choice) -> None:
    """Print them."""
    print(study_summary(choice.read()))
    with read_dag(choice) as dag:
        due = sum(job.due for job in dag.jobs)
    if due:
        print(f"Out of date: {due:,} of {len(dag.jobs):,} jobs would run (`make why` says which)")


if __name__ == "__main__":
    run_script(main)
