"""A run in remote storage: trained in a local folder, and uploaded after each tick."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import uuid
import warnings
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from ..base.files import parse_object
from ..base.messages import log
from ..base.workers import task
from ..errors import Advice, RunError, UsageError
from . import remote
from .run import Run

OWNER = "mirror.json"
P = ParamSpec("P")
T = TypeVar("T")


class Mirror:
    """Uploads changed files after each tick: the state last, because resuming starts there, then
    deletions. A kill during an upload leaves the same files as a kill of a run on a disk.

    A store has no lock. A process that opens a run writes its identifier into mirror.json, and
    checks before each upload that it is still there: of two processes that train one run, the
    first one stops.
    """

    def __init__(self, address: str, new: bool) -> None:
        remote.writable(address)
        self.address, self.store = address, remote.Store(address)
        there = set(self.store.files()) - {OWNER}  # an interrupted first upload may have written it
        if new and "config.toml" in there:
            raise RunError(
                f"{address} already holds a run: `ganvas resume {address}` resumes it; choose "
                "another --run for a new run"
            )
        if there and "config.toml" not in there:
            what = "is not empty: choose another --run" if new else "is not a run"
            raise RunError(f"{address} {what}")
        self.folder = remote.temporary(address)
        self.store.copy(self.folder)
        self.sent = self._stamps()
        self.identifier = uuid.uuid4().hex
        self.owned = False
        if there:
            self._write_owner()

    def _stamps(self) -> dict[str, tuple[int, int]]:
        """Size and time of each file, without temporary files and locks (names with a dot)."""
        found = {}
        for file in self.folder.rglob("*"):
            name = file.relative_to(self.folder).as_posix()
            if file.is_file() and not file.name.startswith(".") and name != OWNER:
                found[name] = (file.stat().st_size, file.stat().st_mtime_ns)
        return found

    def _write_owner(self) -> None:
        (self.folder / OWNER).write_text(json.dumps({"owner": self.identifier}))
        self.store.put(self.folder / OWNER, OWNER)
        self.owned = True

    def send(self) -> None:
        """Upload what changed.

        Raises: RunError: another process has opened the run. UsageError: no connection.
        """
        now = self._stamps()
        changed = [name for name in now if self.sent.get(name) != now[name]]
        gone = set(self.sent) - set(now)
        if not changed and not gone:
            return
        if not self.owned:
            self._write_owner()
        with contextlib.suppress(FileNotFoundError, ValueError):
            if parse_object(self.store.read(OWNER)).get("owner") != self.identifier:
                raise RunError(
                    f"{self.address} was taken over by another process, so this one stopped; its "
                    f"work since then is in {remote.keep(self.folder)}"
                )
        # config.toml first: with it, the run can be resumed.
        order = {name: (name.startswith("state/"), name != "config.toml") for name in changed}
        for name in sorted(changed, key=lambda name: (order[name], name)):
            self.store.put(self.folder / name, name)
            self.sent[name] = now[name]
        for name in gone:
            self.store.remove(name)
            del self.sent[name]

    @contextlib.contextmanager
    def at_the_end(self) -> Iterator[None]:
        """Upload when the block ends, also after an exception."""
        try:
            yield
        except BaseException as raised:  # more important than a failed upload
            try:
                self._send_or_keep()
            except UsageError as error:
                if error.args != raised.args:
                    raised.add_note(str(error))
                    log.warning(error)
            raise
        self._send_or_keep()

    def _send_or_keep(self) -> None:
        try:
            self.send()
        except RunError:
            raise
        except BaseException as error:
            whole = f"the complete run is in {remote.keep(self.folder)}"
            if isinstance(error, UsageError):
                raise UsageError(f"{error}; {whole}") from error
            error.add_note(whole)
            log.warning(whole)
            raise

    def after(self, each_tick: Callable[[Run], bool] | None) -> Callable[[Run], bool]:
        """The function to call after each tick: it uploads, then calls the user's `each_tick`."""

        def tick(run: Run) -> bool:
            try:
                self.send()
            except RunError:
                raise
            except UsageError as error:
                warnings.warn(f"{error}; sent again after the next tick", Advice, stacklevel=2)
            return bool(each_tick and each_tick(run))

        return tick


def mirrored(function: Callable[P, T]) -> Callable[P, T]:
    """For `train` and `resume`: a `run` at an address is trained in a local folder and uploaded."""

    @functools.wraps(function)
    def with_mirror(*args: P.args, **options: P.kwargs) -> T:
        bound = inspect.signature(function).bind(*args, **options)
        given = bound.arguments
        address = remote.address(given.get("run"))
        if address is None:
            return function(*args, **options)
        if task()[1] > 1:
            remote.shared(address)
        mirror = Mirror(address, new=function.__name__ == "train" and not given.get("go_on"))
        given.update(run=mirror.folder, each_tick=mirror.after(given.get("each_tick")))
        with mirror.at_the_end():
            return function(*bound.args, **bound.kwargs)

    return with_mirror
