"""Options of the server, checked without TensorFlow, so that errors appear at once."""

from __future__ import annotations

import socket
import ssl
from dataclasses import dataclass
from pathlib import Path

from ..errors import UsageError

LOOPBACK = ("localhost", "127.0.0.1", "::1")
ANY = ("0.0.0.0", "::")
"""Hosts that stand for all addresses of the machine."""


@dataclass(frozen=True)
class ServeOptions:
    """Options of the server.

    Args:
        host: the address to listen on.
        rest_port, grpc_port: 0: any free port.
        poll_seconds: interval at which the model folders are read.
        batching_config: a batching file of TensorFlow Serving.
        max_body_mb: a larger request is refused.
        max_queue: number of requests that run or wait; more are refused.
        max_megapixels: images x pixels of all large requests that run or wait, in millions; more
            are refused.
        max_images: of a request to an export that cannot draw in parts.
        timeout_seconds: of a REST request, and of a gRPC request without a deadline.
        drain_seconds: after SIGTERM, time for which requests are still served while /readyz gives
            503, so that load balancers stop sending requests.
        token_file: holds the token that clients must send.
        allowed_hosts: names by which REST clients may address the server, besides those of this
            machine and `host`; "*.example.org" stands for all names below, "*" for any.
        allow_reload: whether clients with the token may change the served models over gRPC.
        model_roots: folders in which such models must lie; none: those served from the start.
        allow_schemes: of addresses that a models.config may name, such as "gs".
        trust_models: whether operations of a model may do more than compute, such as read files.
        tls_cert, tls_key: PEM files; with them both protocols use TLS.
        engine: what computes: one of `engines.loading.ENGINES`.
        drift: share of requests whose images are compared with those of the export.
    """

    host: str = "127.0.0.1"
    rest_port: int = 8501
    grpc_port: int = 8500
    poll_seconds: float = 1.0
    batching_config: Path | None = None
    max_body_mb: float = 16
    max_queue: int = 256
    max_megapixels: float = 64
    max_images: int = 64
    timeout_seconds: float = 30.0
    drain_seconds: float = 0.0
    token_file: Path | None = None
    allowed_hosts: tuple[str, ...] = ()
    allow_reload: bool = False
    model_roots: tuple[Path, ...] = ()
    allow_schemes: tuple[str, ...] = ()
    trust_models: bool = False
    tls_cert: Path | None = None
    tls_key: Path | None = None
    engine: str = "auto"
    drift: float = 0.0

    @property
    def max_body(self) -> int:
        """Bytes."""
        return int(self.max_body_mb * 2**20)

    def check(self) -> None:
        """Raises: UsageError: a host, file, token or certificate that cannot be used."""
        if self.token() is None and self.allow_reload:
            raise UsageError(
                "--allow-reload lets clients choose models of this machine: give --token-file FILE "
                "as well"
            )
        for root in self.model_roots:
            if not root.is_dir():
                raise UsageError(f"--model-root {root} is not a folder: give one that holds models")
        try:
            socket.getaddrinfo(self.host, None)
        except OSError as error:
            raise UsageError(
                f"--host must be an address of this machine, got {self.host} ({error.strerror}): "
                "give 127.0.0.1, 0.0.0.0, or another of its addresses"
            ) from error
        if batching := self.batching_config:
            check_readable("--batching-config", batching, "a batching file of TensorFlow Serving")
        cert, key = self.tls_cert, self.tls_key
        if not cert and not key:
            return
        if not cert or not key:
            raise UsageError(
                "--tls-cert and --tls-key must be given together: give both, or neither"
            )
        try:
            ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(cert, key)
        except OSError as error:
            raise UsageError(f"{cert}, {key}: {error}: give a certificate and its key") from error

    def hosts(self) -> tuple[str, ...]:
        """Patterns of the names by which REST clients may address the server."""
        own = () if self.host in ANY else (self.host,)
        return tuple(name.lower() for name in (*LOOPBACK, *own, *self.allowed_hosts))

    def token(self) -> str | None:
        """The token that clients must send. Raises: UsageError: the file holds no token."""
        path = self.token_file
        if path is None:
            return None
        try:
            token = path.read_text("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            cause = error.strerror if isinstance(error, OSError) else "not ASCII"
            raise UsageError(
                f"--token-file {path} cannot be read ({cause}): give a file with one line of ASCII"
            ) from error
        if len(token) < 8 or not token.isprintable() or " " in token:
            raise UsageError(
                f"{path} holds no token: write one line of at least 8 characters without blanks"
            )
        return token


def check_readable(option: str, path: Path, what: str) -> None:
    """Raises: UsageError: the file of this option cannot be opened."""
    try:
        path.open("rb").close()
    except OSError as error:
        raise UsageError(
            f"{option} {path} cannot be read ({error.strerror}): give {what}"
        ) from error
