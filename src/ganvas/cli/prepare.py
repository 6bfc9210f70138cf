"""`ganvas prepare`: check images and pack them into shards."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from ..base.printing import on_one_line
from .app import (
    Address,
    DataArgument,
    Workers,
    app,
    by_ray,
    counter,
    tensorflow,
)


@app.command()
def prepare(
    data: DataArgument,
    to: Annotated[Path, typer.Option(help="Folder to create.")],
    size: Annotated[int | None, typer.Option(min=16, max=256, help="Side in pixels.")] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="Size of a shard in MB.")] = 256,
    workers: Workers = None,
    address: Address = None,
) -> None:
    """Check images and pack them into sharded TFRecords."""
    from ..data import Options
    from ..storage import remote

    options, progress = Options(size=size), counter("images")
    if by_ray(workers, address):
        from ..cluster import pack as pack_by_ray

        pack_by_ray(
            data, to, options, shard_mb, workers=workers, address=address, progress=progress
        )
    else:
        tensorflow()
        from ..data import prepare as pack

        pack(data, to, options, shard_mb=shard_mb, progress=progress)
    from ..base.files import parse_object

    index = parse_object(remote.read(to, "index.json"))
    for sentence in index["report"]["warnings"]:
        sys.stderr.write(f"note: {on_one_line(sentence)}\n")
    typer.echo(
        f"{remote.address(to) or to}: {index['count']} images in {len(index['shards'])} shards"
    )
