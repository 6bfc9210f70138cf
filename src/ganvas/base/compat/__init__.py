"""Private names of other libraries, all of those that this package uses: each may change with a
minor version, so the versions are pinned (pyproject.toml), and each has a test."""
