"""Print the scores of a study, and where its results are, as a finished run does."""

from ecslm.plan.report import study_summary
from ecslm.plan.study import Choice
from ecslm.script import run_script


def main(choice: Choice) -> None:
    """Print them."""
    print(study_summary(choice.read()))


if __name__ == "__main__":
    run_script(main)
