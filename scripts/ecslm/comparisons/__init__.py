"""Statistical comparisons of the study's scores: contrasts, tested record by record."""
