"""The library that the scripts share. It knows nothing of Snakemake."""
