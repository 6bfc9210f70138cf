"""`ganvas prepare`: check images and pack them into shards."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..base.progress import stage
from .app import (
    Address,
    DataArgument,
    Labels,
    Training,
    Workers,
    app,
    by_ray,
    tensorflow,
)

if TYPE_CHECKING:
    from ..data.listing import Listing


@app.command(cls=Training)
def prepare(
    data: DataArgument,
    to: Annotated[Path, typer.Option(help="Folder to create.")],
    size: Annotated[int | None, typer.Option(min=16, max=256, help="Side in pixels.")] = None,
    shard_mb: Annotated[int, typer.Option(min=1, help="Size of a shard in MB.")] = 256,
    labels: Labels = None,
    workers: Workers = None,
    address: Address = None,
) -> None:
    """Check images and pack them into sharded TFRecords."""
    from ..base.files import parse_object
    from ..data import Options, header
    from ..storage import remote

    options = Options(size=size, labels=str(labels.absolute()) if labels else True)

    def announce(images: Listing) -> None:
        header.show(images, {"to": str(remote.address(to) or to)})

    if by_ray(workers, address):
        from ..cluster import pack as pack_by_ray

        with stage("preparing", 0, "images") as preparing:
            pack_by_ray(
                data, to, options, shard_mb, workers=workers, address=address,
                progress=preparing.update, announce=announce,
            )  # fmt: skip
    else:
        tensorflow()
        from ..data import prepare as pack

        with stage("preparing", 0, "images") as preparing:
            pack(data, to, options, shard_mb=shard_mb, progress=preparing.update, announce=announce)
    index = parse_object(remote.read(to, "index.json"))
    typer.echo(
        f"{remote.address(to) or to}: {index['count']} images in {len(index['shards'])} shards"
    )
