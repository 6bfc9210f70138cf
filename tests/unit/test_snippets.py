"""What the documentation tells a reader to type can be parsed; its keys and values are accepted."""

import ast
import functools
import re
import shlex
import tomllib
from pathlib import Path

import pytest
from typer.main import get_command

from ganvas.cli import app
from ganvas.config import load_recipe, parse, parse_set, recipe_names
from ganvas.config.keys import keys
from ganvas.errors import ConfigError
from ganvas.gan.catalogue import catalogue

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
PAGES = sorted([*ROOT.glob("README*.md"), *DOCS.rglob("*.md")])
TWINS = sorted(str(page.relative_to(DOCS / "zh")) for page in (DOCS / "zh").rglob("*.md"))
CHECKED = sorted(
    str(page.relative_to(ROOT))
    for folder in (DOCS, DOCS / "zh")
    for one in ("faq.md", "quick-start.md", "index.md", "coming-from/*.md")
    for page in folder.glob(one)
)
"""Pages whose keys and values are compared with the schema."""


@pytest.mark.parametrize("page", TWINS)
def test_twins_have_the_same_commands(page):
    assert code(DOCS / "zh" / page) == code(DOCS / page)


PROGRAMS = ("ganvas", "pip", "python", "make", "curl", "docker", "tensorboard", "git")


def code(page: Path) -> list[str]:
    """What a reader types: commands of every block, and all lines of blocks in Python and TOML;
    comments left out."""
    found = []
    for language, block in blocks(page.read_text()):
        for line in block.splitlines():
            typed = re.sub(r"(^|\s)#\s.*", "", line).rstrip()
            if typed and (language or typed.split()[0] in PROGRAMS):
                found.append(typed)
    return found


def blocks(text: str) -> list[tuple[str, str]]:
    """The code of a page: (language, text), by fences or by indentation; "" names none."""
    found = []
    for language, inner in re.findall(r"^ *```(\w*)[^\n]*\n(.*?)^ *```$", text, re.M | re.S):
        found.append((language if language in ("python", "toml") else "", _dedent(inner)))
    rest = re.sub(r"^ *```.*?^ *```$", "", text, flags=re.M | re.S)
    for inner in re.findall(r"(?:^(?: {4,}\S.*)\n?)+", rest, re.M):
        found.append(("", _dedent(inner)))
    return found


def _dedent(text: str) -> str:
    lines = text.splitlines()
    least = min((len(line) - len(line.lstrip()) for line in lines if line.strip()), default=0)
    return "\n".join(line[least:] for line in lines)


SKETCH = re.compile("# .*train_step")
"""In a block that stands for a program in examples/keras, which is tested."""


@pytest.mark.parametrize("page", [str(page.relative_to(ROOT)) for page in PAGES])
def test_snippets_can_be_parsed(page):
    for language, text in blocks((ROOT / page).read_text()):
        if language == "python" and not SKETCH.search(text):
            ast.parse(text)
        elif language == "toml":
            tomllib.loads(text)
        else:
            for line in text.replace("\\\n", "").splitlines():
                check_command(line)


@functools.cache
def commands():
    return get_command(app)


def check_command(line: str) -> None:
    """A line that begins with `ganvas` names a command and options that exist."""
    typed = line.removeprefix("$ ").strip()
    if not typed.startswith("ganvas ") or "…" in typed:
        return
    words = [word for word in shlex.split(typed, comments=True) if word not in (";", "&", "&&")]
    command, rest = commands(), words[1:]
    while rest and hasattr(command, "commands"):
        known = {option for one in command.params for option in one.opts}
        if rest[0].split("=")[0] in known:
            rest = rest[1 if "=" in rest[0] or rest[0] in ("-q", "-v", "--help") else 2 :]
            continue
        if rest[0] == "COMMAND" or rest[0].startswith("--"):
            return
        assert rest[0] in command.commands, line
        command, rest = command.commands[rest[0]], rest[1:]
    known = {option for one in command.params for option in (*one.opts, *one.secondary_opts)}
    known |= {"--help", "-q", "-v", "--quiet", "--verbose"}
    named = [word.split("=")[0] for word in rest if re.match(r"--?[a-z]", word)]
    assert set(named) <= known, line


@pytest.mark.parametrize("page", CHECKED)
def test_named_keys_exist(page):
    text = (ROOT / page).read_text()
    settable = {one.settable for one in keys()} | {
        f"{kind}.{one.last}" if kind != "penalties" else one.name
        for kind, parts in catalogue().items() for part in parts.values()
        for one in part.arguments
    }  # fmt: skip
    settable |= {"penalties", "networks", "augment", "loss"}
    sections = "data|train|watch|scores|gate|privacy|export|networks|augment|penalties|loss"
    named = set(re.findall(rf"`((?:{sections})\.[a-z0-9_.]+)", text))
    assert {key.rstrip(".") for key in named} - settable - {"train.py"} == set()
    assert set(re.findall(r"--recipe ([a-z0-9-]+)(?!\S*\.toml)\b", text)) <= {
        *recipe_names(), "auto", "mine", "C",
    }  # fmt: skip


@pytest.mark.parametrize("page", CHECKED)
def test_named_values_are_accepted(page):
    text = (ROOT / page).read_text()
    for language, inner in blocks(text):
        if language == "toml":
            parse(tomllib.loads(inner))
        for line in inner.splitlines() if not language else ():
            if line.startswith("ganvas train"):
                recipe = re.search(r"--recipe ([a-z0-9-]+)(?!\S*\.toml)", line)
                name = recipe[1] if recipe and recipe[1] in recipe_names() else "finetune"
                settings = re.findall(r"--set '?([^\s']+)", line)
                settings += ["parent=auto"] * ("--from" in line)
                load_recipe(name).with_values(parse_set(settings))
    for setting in re.findall(r"`(?:--set )?'?((?:train|data|watch|scores)\.\w+ ?= ?[^`']+)", text):
        key, _, value = setting.partition("=")
        if "…" not in value and "..." not in value and value.strip() not in ("N", "G"):
            value = value.split(" (")[0]
            load_recipe("quick").with_values(parse_set([f"{key.strip()}={value.strip()}"]))


def test_a_key_that_does_not_exist_is_found():
    with pytest.raises(ConfigError):
        load_recipe("quick").with_values(parse_set(["train.kimgs=3"]))
    with pytest.raises(AssertionError):
        check_command("ganvas train photos/ --speed 3")
