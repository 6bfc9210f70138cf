"""The schema for editors is that of this version, and every recipe satisfies it."""

import json
import tomllib
from pathlib import Path

import pytest

from ganvas.config import load_recipe, recipe_names, recipe_text
from ganvas.config.commented import commented
from ganvas.config.keys import keys, purposes
from ganvas.config.schema import ADDRESS, SCHEMA, schema, schema_text
from ganvas.gan.catalogue import catalogue


def current() -> str:
    return json.dumps(schema(catalogue()), indent=1) + "\n"


PAGE = Path(__file__).parents[2] / "docs" / "reference" / "recipe-keys.md"
BEGIN = "<!-- keys -->\n"


def page() -> str:
    """All keys and arguments, as Markdown."""
    lines = _table("Outside of sections", [one for one in keys() if "." not in one.name])
    for section, purpose in purposes().items():
        lines += [*_table(f"`[{section}]`", [one for one in keys() if one.section == section],
                          purpose)]  # fmt: skip
    for kind, parts in catalogue().items():
        for part in parts.values():
            source = f"{part.meaning} Source: {part.source}"
            lines += _table(f"`{kind}`: `{part.name}`", part.arguments, source)
    return "\n".join(lines) + "\n"


def _table(title, rows, purpose=""):
    lines = ["", f"## {title}", "", *([purpose] if purpose else [])]
    if rows:
        lines += [*([""] if purpose else []), "| key | default | accepted | meaning |",
                  "|---|---|---|---|"]  # fmt: skip
    for one in rows:
        lines.append(f"| `{one.last}` | `{one.shown}` | {one.accepted} | {one.meaning} |")
    return lines


def test_the_page_is_that_of_this_version():
    """`python tests/unit/test_schema.py` writes it anew."""
    assert PAGE.read_text().partition(BEGIN)[2] == page()


def test_the_file_is_that_of_this_version():
    """`python tests/unit/test_schema.py` writes it anew."""
    assert schema_text() == current()


@pytest.fixture(scope="module")
def check():
    jsonschema = pytest.importorskip("jsonschema")
    jsonschema.Draft7Validator.check_schema(schema(catalogue()))
    return jsonschema.Draft7Validator(schema(catalogue()))


@pytest.mark.parametrize("name", recipe_names())
def test_every_recipe_satisfies_it_and_names_it(check, name):
    config, text = load_recipe(name), recipe_text(name)
    assert text.startswith(ADDRESS)
    for one in (text, config.toml(), commented(config, catalogue(), "All.")):
        check.validate(tomllib.loads(one))


@pytest.mark.parametrize(
    "text",
    ["[train]\nkimg = 0", "[train]\nkimgs = 3", "[data]\nlevels = [1]", "loss = 'hing'",
     "[networks]\nname = 'dcgan'\nwdith = 3", "[networks]\nname = 'dcgan'\nnorm = 'bach'",
     "penalties = ['r7']", "penalties = [{ name = 'r1' }]", "[data]\nchannels = 5"],
)  # fmt: skip
def test_mistakes_do_not(check, text):
    assert not check.is_valid(tomllib.loads(text))


@pytest.mark.parametrize(
    "text",
    ["loss = 'mine.losses:Loss'", "networks = { name = 'mine:Nets', depth = 3 }",
     "[data]\nsize = [16, 32]\nlabels = 'labels.csv'", "augment = { name = 'ada' }",
     "[tune]\n'train.beta1' = [0.0, 0.5]", "[augment]\nname = 'diff'\npolicy = 'colour,cutout'"],
)  # fmt: skip
def test_what_a_recipe_may_hold_does(check, text):
    check.validate(tomllib.loads(text))


if __name__ == "__main__":
    import ganvas

    (Path(ganvas.__file__).parent / "recipes" / SCHEMA).write_text(current())
    PAGE.write_text(PAGE.read_text().partition(BEGIN)[0] + BEGIN + page())
