"""`ganvas resume`: continue a run where it stopped."""

from __future__ import annotations

from typing import Annotated

import typer

from ..base.printing import on_one_line
from .app import (
    Address,
    RunFolder,
    Training,
    Values,
    Workers,
    app,
    by_ray,
    finished,
    tensorflow,
)


@app.command(cls=Training)
def resume(
    run: RunFolder,
    data: Annotated[
        str | None,
        typer.Argument(help="New place of the images, if they have moved.", show_default=False),
    ] = None,
    values: Values = None,
    workers: Workers = None,
    address: Address = None,
) -> int:
    """Resume a run exactly where it stopped."""
    from ..config import parse_set
    from ..data.header import show_request
    from ..storage.run import Run
    from ..training.choosing import check_changes, check_place

    old = Run.open(run)
    if old.info.get("status") == "finished" and not values and data is None:
        typer.echo(f"{on_one_line(old.where)} is finished; `--set train.kimg=...` trains it longer")
        return 0
    changed = parse_set(values or [])
    check_changes(old, changed)
    check_place(old, data)
    if not by_ray(workers, address) or workers is None:
        show_request(old.config, data, old.where)
        return finished(tensorflow("resume").resume(run, data=data, overrides=changed))
    tensorflow()
    from ..cluster import resume as resume_by_ray

    return finished(
        resume_by_ray(run, workers=workers, address=address, data=data, overrides=changed)
    )
