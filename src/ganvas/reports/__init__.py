"""HTML and Markdown pages, charts and tables: used by all reports of the package."""
