"""Libraries whose versions can change what is said of the data; none is loaded here."""

DESCRIPTION_LIBRARIES = ("tokenizers",)
LEAKAGE_LIBRARIES = ("scikit-learn", "scipy")
