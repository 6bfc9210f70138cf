"""`ganvas pretrained`: the pairs of networks to begin from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.printing import on_one_line
from ..errors import UsageError
from .app import Json, app, tensorflow

if TYPE_CHECKING:
    from ..pretrained.cards import Card


@app.command()
def pretrained(
    name: Annotated[str | None, typer.Argument(help="Pair to describe.")] = None,
    out: Annotated[
        Path | None,
        typer.Option(help="Write its picture (.png), or with --pack the pair (.npz)."),
    ] = None,
    pack: Annotated[
        Path | None,
        typer.Option(metavar="RUN", help="Write the networks of this run as a pair, to --out."),
    ] = None,
    as_json: Json = False,
) -> int:
    """List pretrained pairs of networks, or describe one."""
    from ..pretrained.cards import card, cards

    if pack is not None:
        if name is not None or out is None:
            raise UsageError("--pack RUN writes a pair: give --out FILE.npz, and no NAME")
        tensorflow()
        from ..training.beginning import pack as write

        typer.echo(write(pack, out))
        return 0
    if out is not None and name is None:
        raise UsageError("--out FILE.png needs a NAME: the pair whose picture is written")
    shown = [card(name)] if name else list(cards().values())
    if out is not None:
        tensorflow()
        from ..pretrained.pairs import picture

        picture(shown[0].name, out)
    if as_json:
        typer.echo(json.dumps([one.to_dict() for one in shown], indent=1))
        return 0
    for one in shown:
        for line in _lines(one, whole=name is not None):
            typer.echo(on_one_line(line))
    if out is not None:
        typer.echo(out)
    return 0


def _lines(card: Card, whole: bool) -> list[str]:
    sides = " and ".join(map(str, card.sizes))
    lines = [f"{card.name}: {card.what}; {sides} px"]
    if whole:
        lines += [f"    {card.training}", *(f"    {source}" for source in card.sources)]
    return lines
