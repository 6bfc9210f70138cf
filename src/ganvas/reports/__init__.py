"""HTML and Markdown pages with charts: what every report of the package is written with."""
