"""The page of the package registry: the README with links that also work outside the repository.

Everything else about the package is in pyproject.toml.
"""

import re
import tomllib
from pathlib import Path

from setuptools import setup

REPOSITORY = "https://github.com/ganvas/ganvas"
FILES = "https://raw.githubusercontent.com/ganvas/ganvas"
LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#|mailto:)([^)\s]+)\)")


def registry_page(text: str, version: str) -> str:
    """The README with absolute links: to the files of the version's tag, so that an old page keeps
    its pictures."""

    def absolute(link: re.Match[str]) -> str:
        picture, title, target = link.groups()
        place = f"{FILES}/v{version}" if picture else f"{REPOSITORY}/blob/v{version}"
        return f"{picture}[{title}]({place}/{target})"

    return LINK.sub(absolute, text)


if __name__ == "__main__":  # so does setuptools call it
    here = Path(__file__).parent
    project = tomllib.loads((here / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    readme = (here / "README.md").read_text(encoding="utf-8")
    setup(
        long_description=registry_page(readme, project["version"]),
        long_description_content_type="text/markdown",
    )
