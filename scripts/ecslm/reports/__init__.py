"""Reports: the tables of a study gathered in one web page and one LaTeX document."""
