"""A local stand-in for the HTTP API of the Hugging Face Hub, as far as ganvas uses it.

It holds repositories in memory: information, tree, files (HEAD and GET), creation, and commits in
NDJSON of files that are sent within the request. It has neither Git LFS nor Xet.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import threading
import urllib.parse
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass
class Repository:
    """Files by commit; the last commit is the branch main."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)

    def commit(self, files: dict[str, bytes]) -> str:
        name = hashlib.sha1(repr([len(self.commits), sorted(files)]).encode()).hexdigest()
        self.commits[name] = files
        return name

    @property
    def head(self) -> str:
        return [*self.commits][-1]

    @property
    def files(self) -> dict[str, bytes]:
        return self.commits[self.head]

    def resolved(self, revision: str) -> str | None:
        return revision if revision in self.commits else self.head if revision == "main" else None


class Hub(ThreadingHTTPServer):
    """Attributes:
    repositories: by (kind, name), such as ("models", "USER/NAME").
    requests: method, path and Authorization of each request.
    """

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.repositories: dict[tuple[str, str], Repository] = {}
        self.requests: list[tuple[str, str, str]] = []
        self.cut = ""
        """A file that is sent without its last byte."""

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}"

    def add(self, name: str, files: dict[str, bytes], kind: str = "models") -> str:
        return self.repositories.setdefault((kind, name), Repository()).commit(files)


class Handler(BaseHTTPRequestHandler):
    server: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None:
        pass

    def answer(self, content: Any, status: int = 200, **headers: str) -> None:
        body = content if isinstance(content, bytes) else json.dumps(content).encode()
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key.replace("_", "-"), value)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def missing(self, what: str) -> None:
        self.answer({"error": f"{what} not found"}, 404, X_Error_Code=f"{what}NotFound")

    def body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def handle_any(self) -> None:
        body = self.body()
        path = urllib.parse.unquote(self.path.partition("?")[0])
        self.server.requests.append((self.command, path, self.headers.get("Authorization", "")))
        parts = path.strip("/").split("/")
        if path == "/api/repos/create":
            self.create(json.loads(body))
        elif path == "/api/validate-yaml":
            self.answer({"errors": [], "warnings": []})
        elif parts[0] == "api":
            self.api(parts[1], "/".join(parts[2:4]), parts[4:], body)
        else:
            kind = parts.pop(0) if parts[0] == "datasets" else "models"
            self.resolve(kind, "/".join(parts[:2]), parts[3], "/".join(parts[4:]))

    do_GET = do_POST = do_HEAD = handle_any

    def create(self, asked: dict[str, Any]) -> None:
        kind = asked.get("type", "model") + "s"
        name = f"{asked.get('organization') or 'me'}/{asked['name']}"
        known = (kind, name) in self.server.repositories
        if not known:
            self.server.add(name, {".gitattributes": b""}, kind)
        self.answer({"url": f"{self.server.url}/{name}", "id": name}, 409 if known else 200)

    def api(self, kind: str, name: str, rest: list[str], body: bytes) -> None:
        repository = self.server.repositories.get((kind, name))
        if repository is None:
            return self.missing("Repo")
        what, revision = (*rest, "", "main")[0], rest[1] if len(rest) > 1 else "main"
        commit = repository.resolved(revision)
        if commit is None:
            return self.missing("Revision")
        files = repository.commits[commit]
        if what in ("", "revision"):
            about = [{"rfilename": n, "size": len(c), "blobId": oid(c)} for n, c in files.items()]
            return self.answer({"id": name, "sha": commit, "siblings": about, "tags": []})
        if what == "tree":
            below = "/".join(rest[2:])
            found = [
                {"type": "file", "path": n, "size": len(c), "oid": oid(c)}
                for n, c in files.items()
                if n.startswith(below)
            ]
            return self.answer(found)
        if what == "preupload":
            wanted = [
                {"path": one["path"], "uploadMode": "regular", "shouldIgnore": False}
                for one in json.loads(body)["files"]
            ]
            return self.answer({"files": wanted})
        return self.commit(repository, body)

    def commit(self, repository: Repository, body: bytes) -> None:
        files = dict(repository.files)
        for line in map(json.loads, body.splitlines()):
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif line["key"] == "deletedFile":
                del files[value["path"]]
        made = repository.commit(files)
        self.answer({"commitOid": made, "commitUrl": f"{self.server.url}/me/x/commit/{made}"})

    def resolve(self, kind: str, name: str, revision: str, file: str) -> None:
        repository = self.server.repositories.get((kind, name))
        commit = repository and repository.resolved(revision)
        if not repository or not commit:
            return self.missing("Repo")
        content = repository.commits[commit].get(file)
        if content is None:
            return self.missing("Entry")
        headers = {"ETag": f'"{oid(content)}"', "X_Repo_Commit": commit}
        self.answer(content[:-1] if file == self.server.cut else content, **headers)


def oid(content: bytes) -> str:
    """The name that Git gives to a file."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()


@contextlib.contextmanager
def running() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
