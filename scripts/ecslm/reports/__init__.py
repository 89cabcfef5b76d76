"""Reports: the tables of a study in one web page and one LaTeX document, and text summaries."""
