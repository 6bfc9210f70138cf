"""Faults of a built site: links and anchors that lead nowhere, and what needs a network."""

from __future__ import annotations

import os
import urllib.parse
from html.parser import HTMLParser
from pathlib import Path

LOADING = {"script": "src", "img": "src", "iframe": "src", "source": "src"}
LOADED = ("stylesheet", "icon", "preload", "preconnect", "manifest")


class _Page(HTMLParser):
    """Links, anchors and loaded addresses of a page."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors = {""}
        self.loads: list[str] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        values = {name: value or "" for name, value in attrs}
        self.anchors |= {values.get("id", ""), values.get("name", "")}
        if tag == "a" and "href" in values:
            self.links.append(values["href"])
        if tag in LOADING and LOADING[tag] in values:
            self.loads.append(values[LOADING[tag]])
        if tag == "link" and values.get("rel") in LOADED:
            self.loads.append(values["href"])


def faults(site: Path) -> list[str]:
    """One line for each fault of a folder of HTML files; none if it works without a network."""
    pages = {page: _Page(page.read_text()) for page in sorted(site.rglob("*.html"))}
    found = []
    for page, parsed in pages.items():
        name = page.relative_to(site)
        for address in parsed.loads:
            if urllib.parse.urlsplit(address).netloc:
                found.append(f"{name}: loads {address}")
        # Addresses on the page of errors begin at the root of the published site.
        for link in () if page.name == "404.html" else [*parsed.links, *parsed.loads]:
            parts = urllib.parse.urlsplit(link)
            if parts.scheme or parts.netloc:
                if parts.netloc.endswith(".invalid"):
                    found.append(f"{name}: {link} was not replaced")
                continue
            path = urllib.parse.unquote(parts.path)
            there = Path(os.path.normpath(page.parent / path)) if path else page
            there = there / "index.html" if there.is_dir() else there
            if not there.is_file():
                found.append(f"{name}: {link} leads nowhere")
            elif there in pages and urllib.parse.unquote(parts.fragment) not in (
                pages[there].anchors
            ):
                found.append(f"{name}: {link}: there is no such anchor")
    return found
