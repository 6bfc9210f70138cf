"""The documentation site: its navigation, its two languages, the API reference, its links."""

from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
SINGLE = ("decisions/", "tour.md", "reference/recipe-keys.md")
"""Pages that change with the code, and have no Chinese twin."""

UNTRANSLATED = ROOT / "tests" / "untranslated.txt"
"""Pages that are still to be translated. `python tests/unit/test_docs_site.py` writes it anew."""


@pytest.fixture(scope="module")
def site():
    """The modules that build the site."""
    patch = pytest.MonkeyPatch()
    patch.syspath_prepend(str(ROOT / "scripts"))
    from docs_site import checking, links, pages, public

    yield {"pages": pages, "public": public, "links": links, "checking": checking}
    patch.undo()


def english(site) -> list[str]:
    return site["pages"].all_pages(DOCS)


def test_navigation_names_every_page(site):
    pages = site["pages"]
    named = list(pages.paths(pages.expanded(pages.ENGLISH, english(site))))
    named = [page for page in named if not page.startswith(pages.GENERATED)]
    assert sorted(named) == english(site)
    titles = set(_titles(pages.ENGLISH))
    assert titles == set(pages.CHINESE_TITLES)


def _titles(entries):
    for entry in entries:
        if isinstance(entry, dict):
            ((title, inner),) = entry.items()
            yield title
            yield from _titles(inner)


def test_public_names_are_documented(site):
    found = site["public"].packages()
    undocumented = [one.full for names in found.values() for one in names
                    if not site["public"].documented(one)]  # fmt: skip
    assert not undocumented
    from unit import test_public_api

    assert {one.name for one in found["ganvas"]} == set(test_public_api.PUBLIC)
    assert set(test_public_api.PACKAGES) <= set(found)


def to_translate(pages) -> list[str]:
    """English pages that should have a Chinese twin, and have none."""
    twins = set(pages.all_pages(DOCS / "zh"))
    wanted = {page for page in pages.all_pages(DOCS) if not page.startswith(SINGLE)}
    assert twins <= wanted, "Chinese pages without an English one"
    return sorted(wanted - twins)


def test_every_page_has_a_chinese_twin(site):
    assert to_translate(site["pages"]) == UNTRANSLATED.read_text().split()


def test_every_example_is_in_the_index():
    text = (DOCS / "examples.md").read_text()
    for example in (ROOT / "examples").iterdir():
        assert f"(../examples/{example.name})" in text, example.name


@pytest.mark.parametrize(
    ("link", "page", "folder", "where"),
    [("doctor.md", "docs/guides/keras.md", "docs", "doctor.md"),
     ("../../examples/keras", "docs/guides/keras.md", "docs", "W/tree/main/examples/keras"),
     ("../../LICENSE", "docs/guides/keras.md", "docs", "W/blob/main/LICENSE"),
     ("zh/index.md", "docs/index.md", "docs", "https://other-site.invalid/index.html"),
     ("../decisions/30-site.md#x", "docs/zh/faq.md", "docs/zh",
      "https://other-site.invalid/decisions/30-site.html#x"),
     ("../faq.md", "docs/zh/index.md", "docs/zh", "faq.md"),
     ("../pictures/quick.png", "docs/zh/index.md", "docs/zh",
      "https://other-site.invalid/pictures/quick.png")],
)  # fmt: skip
def test_links_out_of_a_site(site, link, page, folder, where):
    assert site["links"].target(link, page, ROOT, folder, "W") == where


def test_a_link_to_nothing_is_refused(site):
    with pytest.raises(FileNotFoundError, match="nothing"):
        site["links"].target("../nothing.py", "docs/faq.md", ROOT, "docs", "W")


def test_faults_of_a_site(site, tmp_path):
    (tmp_path / "index.html").write_text(
        '<h1 id="a">A</h1><a href="#a"></a><a href="#b"></a><a href="no.html"></a>'
        '<a href="https://elsewhere.org"></a><img src="https://elsewhere.org/x.png">'
    )
    assert site["checking"].faults(tmp_path) == [
        "index.html: loads https://elsewhere.org/x.png",
        "index.html: #b: there is no such anchor",
        "index.html: no.html leads nowhere",
    ]


if __name__ == "__main__":
    import sys

    sys.path.insert(0, str(ROOT / "scripts"))
    from docs_site import pages

    UNTRANSLATED.write_text("".join(f"{page}\n" for page in to_translate(pages)))
