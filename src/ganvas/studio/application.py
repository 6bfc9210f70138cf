"""The routes of the studio."""

from __future__ import annotations

import functools
import shutil
import tempfile
from collections.abc import Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from starlette.applications import Starlette
from starlette.background import BackgroundTask
from starlette.concurrency import run_in_threadpool
from starlette.requests import Request
from starlette.responses import FileResponse, JSONResponse, Response
from starlette.routing import Route

from .. import __version__, images
from ..config import recipe_header, recipe_names
from ..serve.access import Addressed
from ..serve.status import Declined
from . import explore, models, runs
from .access import Guard
from .answers import Asked, guarded, route
from .commands import ORDERS
from .jobs import Jobs
from .understood import preview, understood
from .uploads import Uploads
from .workspace import BUNDLED, Workspace

LANGUAGES = ("en", "zh")
TYPES = {".html": "text/html", ".css": "text/css", ".js": "text/javascript",
         ".svg": "image/svg+xml", ".json": "application/json"}  # fmt: skip
REPORT_HEADERS = {
    # A report is a page of its own, with its styles and pictures in it, and without scripts.
    "content-security-policy": "default-src 'none'; style-src 'unsafe-inline'; img-src data:; "
    "sandbox; frame-ancestors 'none'",
}


class Studio:
    """What the routes use.

    Args:
        language: of LANGUAGES; "auto": that of the browser.
        most: bytes of an upload.
    """

    def __init__(self, workspace: Workspace, jobs: Jobs, language: str, most: int) -> None:
        self.workspace, self.jobs, self.language = workspace, jobs, language
        self.uploads = Uploads(workspace, most)
        self.generators = explore.Generators()

    # --- lists ------------------------------------------------------------------------------

    def state(self, asked: Asked) -> dict[str, Any]:
        """What the first page lists."""
        return {
            "version": __version__,
            "folder": self.workspace.folder.name,
            "jobs": [job.to_dict() for job in self.jobs.all()[:20]],
            "runs": runs.listed(self.workspace),
            "data": self.workspace.listed(),
            "bundled": list(BUNDLED),
            "models": models.listed(self.workspace),
        }

    def settings(self, asked: Asked) -> dict[str, Any]:
        """What does not change."""
        headers = {name: recipe_header(name) for name in recipe_names()}
        recipes = [{"name": name, "what": one.get("what", ""), "cost": one.get("cost", "")}
                   for name, one in headers.items()]  # fmt: skip
        return {"language": self.language, "version": __version__, "recipes": recipes,
                "most_upload": self.uploads.most}  # fmt: skip

    # --- images -----------------------------------------------------------------------------

    async def upload(self, request: Request) -> Response:
        """An archive or a file of arrays, as the body."""
        name = self.uploads.checked_name(request.query_params.get("name"))
        size = request.headers.get("content-length", "")
        file = await self.uploads.received(request.stream(), size, name)
        return JSONResponse(await run_in_threadpool(self.uploads.accept, file))

    def begin_folder(self, asked: Asked) -> dict[str, Any]:
        return self.uploads.begin(asked.body.get("name"))

    async def upload_file(self, request: Request) -> Response:
        """A file of a folder that was begun."""
        target = self.uploads.place(*map(request.query_params.get, ("data", "path")))
        if target is None:
            return JSONResponse({"kept": False})
        size = request.headers.get("content-length", "")
        file = await self.uploads.received(request.stream(), size, "file")
        return JSONResponse(await run_in_threadpool(self.uploads.keep, file, target))

    def understood(self, asked: Asked) -> dict[str, Any]:
        name = self.workspace.images(asked.query.get("data"))
        return {"data": name, **understood(self._place(name))}

    def preview(self, asked: Asked) -> Response:
        name = self.workspace.images(asked.query.get("data"))
        return Response(preview(self._place(name)), media_type="image/png")

    def _place(self, name: str) -> Path | None:
        return None if name in BUNDLED else self.workspace.folder / name

    # --- jobs -------------------------------------------------------------------------------

    def start(self, asked: Asked) -> dict[str, Any]:
        kind = str(asked.body.get("kind"))
        if kind not in ORDERS:
            raise Declined("INVALID_ARGUMENT", f"kind must be one of {', '.join(ORDERS)}")
        return self.jobs.start(*ORDERS[kind](self.workspace, asked.body)).to_dict()

    def job(self, asked: Asked) -> dict[str, Any]:
        return self.jobs.get(asked.path["job"]).detailed()

    def stop(self, asked: Asked) -> dict[str, Any]:
        job = self.jobs.get(asked.path["job"])
        job.stop()
        return job.to_dict()

    # --- runs -------------------------------------------------------------------------------

    def run(self, asked: Asked) -> dict[str, Any]:
        name = asked.path["run"]
        job = self.jobs.training(name)
        folder = self.workspace.of("runs") / name
        if job and not (folder / "config.toml").is_file():
            state = "starting" if job.code is None else "failed"
            return {"name": name, "state": state, "job": job.detailed()}
        found = runs.facts(runs.opened(self.workspace, name))
        return {**found, "job": job.detailed() if job else None}

    def sample(self, asked: Asked) -> Path:
        run = runs.opened(self.workspace, asked.path["run"])
        return runs.sample_file(run, asked.path["file"])

    def report(self, asked: Asked) -> Response:
        run = runs.opened(self.workspace, asked.path["run"])
        return FileResponse(runs.report(run), media_type="text/html", headers=REPORT_HEADERS)

    def compare(self, asked: Asked) -> dict[str, Any]:
        return runs.comparison(self.workspace, asked.query.get("a"), asked.query.get("b"))

    # --- drawing ----------------------------------------------------------------------------

    def _generator(self, asked: Asked) -> explore.Generator:
        kind, _, name = asked.query.get("of", "").partition("/")
        if kind not in ("runs", "models"):
            raise Declined("INVALID_ARGUMENT", "of must be runs/NAME or models/NAME")
        return self.generators.of(self.workspace.existing(kind, name))

    def explore(self, asked: Asked) -> dict[str, Any]:
        return self._generator(asked).facts()

    def draw(self, asked: Asked) -> Response:
        content, count, columns = explore.sheet(
            self._generator(asked), explore.Wish.of(asked.query)
        )
        headers = {"x-count": str(count), "x-columns": str(columns)}
        return Response(content, media_type="image/png", headers=headers)

    def film(self, asked: Asked) -> Response:
        """A walk or the images between two points as a GIF, for download."""
        generator, wish = self._generator(asked), explore.Wish.of(asked.query)
        with generator.lock:
            drawn = explore.frames(generator, wish)
        folder = Path(tempfile.mkdtemp(prefix="download-", dir=self.workspace.made("hidden")))
        images.write_gif(folder / "film.gif", drawn, wish.seconds)
        return _download(folder / "film.gif", "image/gif")

    # --- models and defects -----------------------------------------------------------------

    def packed(self, asked: Asked) -> Response:
        file = models.packed(self.workspace, asked.path["model"], asked.path["version"])
        return _download(file, "application/zip")

    def scores(self, asked: Asked) -> dict[str, Any]:
        return models.scores(self.workspace, asked.path["scores"])

    def heatmap(self, asked: Asked) -> Path:
        return models.heatmap(self.workspace, asked.path["scores"], asked.path["picture"])

    def routes(self) -> list[Route]:
        return [
            route("/", functools.partial(_page_file, "index.html")),
            *(route(f"/page/{name}", functools.partial(_page_file, name)) for name in _pages()),
            *(route(f"/texts/{one}.json", functools.partial(_texts, one)) for one in LANGUAGES),
            route("/api/settings", self.settings),
            route("/api/state", self.state),
            Route("/api/uploads", guarded(self.upload), methods=["POST"]),
            route("/api/uploads/folder", self.begin_folder, "POST"),
            Route("/api/uploads/file", guarded(self.upload_file), methods=["POST"]),
            route("/api/understood", self.understood),
            route("/api/preview", self.preview),
            route("/api/jobs", self.start, "POST"),
            route("/api/jobs/{job}", self.job),
            route("/api/jobs/{job}/stop", self.stop, "POST"),
            route("/api/runs/{run}", self.run),
            route("/api/runs/{run}/samples/{file}", self.sample),
            route("/api/runs/{run}/report", self.report),
            route("/api/compare", self.compare),
            route("/api/explore", self.explore),
            route("/api/draw", self.draw),
            route("/api/film", self.film),
            route("/api/models/{model}/{version}", self.packed),
            route("/api/scores/{scores}", self.scores),
            route("/api/scores/{scores}/{picture}", self.heatmap),
        ]


def application(studio: Studio, token: str, hosts: Sequence[str]) -> Starlette:
    """The ASGI application.

    Args:
        hosts: patterns of the names by which browsers may address it.
    """
    app = Starlette(routes=studio.routes())
    app.add_middleware(Guard, token=token)
    app.add_middleware(Addressed, hosts=hosts)
    return app


def _pages() -> list[str]:
    return sorted(one.name for one in resources.files(__package__).joinpath("page").iterdir())


def _page_file(name: str, asked: Asked) -> Response:
    content = resources.files(__package__).joinpath("page", name).read_bytes()
    return Response(content, media_type=TYPES[Path(name).suffix])


def _texts(language: str, asked: Asked) -> Response:
    content = resources.files(__package__).joinpath("texts", f"{language}.json").read_bytes()
    return Response(content, media_type=TYPES[".json"])


def _download(file: Path, kind: str) -> Response:
    """A file in a folder of its own, which is removed afterwards."""
    remove = BackgroundTask(shutil.rmtree, file.parent, ignore_errors=True)
    return FileResponse(file, media_type=kind, filename=file.name, background=remove)
