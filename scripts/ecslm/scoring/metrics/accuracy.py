"""Accuracy over option letters (MPC)."""

from ecslm.scoring.answers import Choice
from ecslm.scoring.metrics.protocol import OfClasses, Proportion


class Accuracy(OfClasses, Proportion):
    """The share of correct letters. It has no rarest class."""

    NAME = "accuracy"
    ANSWERS = Choice()
    HEADLINE = "accuracy"


METRIC = Accuracy()
