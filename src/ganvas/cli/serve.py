"""`ganvas serve`: a model server."""

from __future__ import annotations

import contextlib
import logging
import re
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

import typer

from ..base.log_lines import Format, show
from ..base.printing import is_plain, on_one_line
from ..errors import UsageError
from ..storage import manifest, remote
from .app import app, tensorflow
from .verbosity import Command

if TYPE_CHECKING:
    from ..serve.config import Entry

ExportFolder = Annotated[
    Path | None, typer.Argument(metavar="[DIR]", help="An exported model: DIR/1, DIR/2 ...")
]
ModelName = Annotated[str | None, typer.Option(help="Name of the model; default: the name of DIR.")]
ConfigFile = Annotated[Path | None, typer.Option(help="A models.config of TensorFlow Serving.")]
HostName = Annotated[str, typer.Option(help="0.0.0.0 accepts requests from other machines.")]
RestPort = Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")]
GrpcPort = Annotated[int, typer.Option(min=0, max=65535, help="0: any free port.")]
PollSeconds = Annotated[float, typer.Option(min=0.05, help="Interval at which DIR is read.")]
BatchingConfig = Annotated[Path | None, typer.Option(help="A batching file of TensorFlow Serving.")]
MaxBodyMb = Annotated[float, typer.Option(min=0.001, max=1024, help="Largest request body in MB.")]
MaxQueue = Annotated[int, typer.Option(min=1, max=4096, help="Requests that run or wait.")]
MaxMegapixels = Annotated[
    float, typer.Option(min=0, help="Images x pixels of large requests that run or wait.")
]
MaxImages = Annotated[
    int, typer.Option(min=1, help="Of a request to an export that cannot draw in parts.")
]
TimeoutSeconds = Annotated[float, typer.Option(min=0.01, help="Time limit of a request.")]
DrainSeconds = Annotated[float, typer.Option(min=0, help="Time after SIGTERM with /readyz at 503.")]
TokenFile = Annotated[Path | None, typer.Option(help="Token that clients must send.")]
AllowedHost = Annotated[
    list[str] | None,
    typer.Option(
        metavar="NAME", help="Name by which clients address the server, such as *.example.org."
    ),
]
AllowReload = Annotated[
    bool, typer.Option("--allow-reload", help="Clients with the token may change the models.")
]
ModelRoot = Annotated[
    list[Path] | None,
    typer.Option(metavar="FOLDER", help="Folder in which clients may choose models."),
]
AllowScheme = Annotated[
    list[str] | None, typer.Option(metavar="SCHEME", help="Of addresses in --config, such as gs.")
]
TrustModels = Annotated[
    bool, typer.Option("--trust-models", help="Models may do more than compute: read files, ...")
]
AccessLog = Annotated[bool, typer.Option("--access-log", help="A line for each request.")]
LogFormat = Annotated[Format, typer.Option(help="Of lines on standard error: text or json.")]
EngineName = Annotated[
    Literal["auto", "tensorflow", "litert", "onnx"],
    typer.Option(
        "--engine",
        help="What computes; auto: LiteRT or ONNX Runtime for versions with their file, else "
        "TensorFlow.",
    ),
]
DriftShare = Annotated[
    float,
    typer.Option(
        "--drift", min=0, max=1, metavar="SHARE",
        help="Of requests whose images are compared with those of the export.",
    ),
]  # fmt: skip
TlsCert = Annotated[Path | None, typer.Option(help="PEM; with --tls-key.")]
TlsKey = Annotated[Path | None, typer.Option(help="PEM; with --tls-cert.")]


class Serving(Command):
    """`ganvas serve` needs a server, and LiteRT."""

    extras: ClassVar[tuple[str, ...]] = ("edge",)


@app.command(cls=Serving)
def serve(
    folder: ExportFolder = None,
    name: ModelName = None,
    config: ConfigFile = None,
    host: HostName = "127.0.0.1",
    rest_port: RestPort = 8501,
    grpc_port: GrpcPort = 8500,
    poll_seconds: PollSeconds = 1.0,
    batching_config: BatchingConfig = None,
    max_body_mb: MaxBodyMb = 16,
    max_queue: MaxQueue = 256,
    max_megapixels: MaxMegapixels = 64,
    max_images: MaxImages = 64,
    timeout_seconds: TimeoutSeconds = 30.0,
    drain_seconds: DrainSeconds = 0.0,
    token_file: TokenFile = None,
    allowed_host: AllowedHost = None,
    allow_reload: AllowReload = False,
    model_root: ModelRoot = None,
    allow_scheme: AllowScheme = None,
    trust_models: TrustModels = False,
    tls_cert: TlsCert = None,
    tls_key: TlsKey = None,
    engine: EngineName = "auto",
    drift: DriftShare = 0.0,
    access_log: AccessLog = False,
    log_format: LogFormat = "text",
) -> int:
    """Serve exported models over TensorFlow Serving's REST and gRPC."""
    if (folder is None) == (config is None):
        raise UsageError("serve needs a folder DIR or --config FILE: give one of them")
    if folder is not None:
        folder = folder if remote.address(folder) else manifest.place_of(folder)
        name = _checked(folder, name)
    from ..serve.options import ServeOptions, check_readable

    if config is not None:
        check_readable("--config", config, "a models.config of TensorFlow Serving")
    options = ServeOptions(
        host, rest_port, grpc_port, poll_seconds, batching_config, max_body_mb, max_queue,
        max_megapixels, max_images, timeout_seconds, drain_seconds, token_file,
        tuple(allowed_host or ()), allow_reload, tuple(model_root or ()),
        tuple(allow_scheme or ()), trust_models, tls_cert, tls_key, engine, drift,
    )  # fmt: skip
    options.check()
    show("ganvas.serve", log_format)
    if not access_log:
        logging.getLogger("ganvas.serve.access").setLevel(logging.WARNING)
    from ..serve.config import entry_of, read_models

    models: Path | list[Entry] = config or [
        entry_of(str(name), str(remote.address(folder) or folder))
    ]
    entries = read_models(models, options.allow_schemes) if isinstance(models, Path) else models
    if _needs_tensorflow(entries, engine):
        with contextlib.suppress(ModuleNotFoundError):  # the load of the version says so
            tensorflow()
    from ..serve.server import serve as run

    return run(models, options, started=lambda line: typer.echo(on_one_line(line)))


def _needs_tensorflow(entries: Sequence[Entry], engine: str) -> bool:
    """Whether a version is computed by TensorFlow, as far as is known: then it is imported at
    once, with the messages of a start."""
    from ..serve.engines.loading import chosen
    from ..serve.folders import version_folders

    if engine != "auto":
        return engine == "tensorflow"
    return any(
        chosen(engine, version) == "tensorflow"
        for entry in entries
        if entry.folder.is_dir()
        for version in version_folders(entry.folder, engine).values()
    )


def _checked(folder: Path, name: str | None) -> str:
    """Name of the model. Raises: UsageError: not a folder of versions, or a wrong name."""
    if address := remote.address(folder):
        if not manifest.versions(address):
            raise UsageError(f"{address} holds no version: give the address of an exported model")
        return name or address.rpartition("/")[2]
    if not folder.is_dir():
        raise UsageError(f"{folder} is not a folder: give a folder that `ganvas export` wrote")
    if (folder / "saved_model.pb").is_file():
        raise UsageError(
            f"{folder} is one version of a model: give the folder above it, "
            f"{folder.resolve().parent}"
        )
    if not manifest.versions(folder):
        raise UsageError(
            f"{folder} holds no version to serve: it needs a numbered sub-folder, such as "
            f"{folder / '1' / 'saved_model.pb'}"
        )
    name = name or folder.resolve().name
    if not re.fullmatch("[^/:]+", name):
        raise UsageError(f"--name must not contain '/' or ':', got '{name}'")
    if not is_plain(name):
        raise UsageError(
            f"the name of a model must not contain control characters, got '{on_one_line(name)}': "
            "give another --name"
        )
    return name
