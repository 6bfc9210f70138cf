"""A run that is worked on here and kept in remote storage."""

from __future__ import annotations

import contextlib
import functools
import inspect
import json
import sys
import uuid
import warnings
from collections.abc import Callable, Iterator
from typing import ParamSpec, TypeVar

from ..base.workers import task
from ..errors import Advice, RunError, UsageError
from . import remote
from .run import Run

OWNER = "mirror.json"
P = ParamSpec("P")
T = TypeVar("T")


class Mirror:
    """Sends what changed after each tick: the state last, as going on starts there, then what is
    to be deleted. A kill in between leaves what a kill of a run on a disk leaves.

    A store has no lock. Who opens a run writes its name into mirror.json, and looks whether it
    still stands there before it sends: of two that train one run, the first one stops.
    """

    def __init__(self, address: str, new: bool) -> None:
        self.address, self.store = address, remote.Store(address)
        there = set(self.store.files()) - {OWNER}  # all that a first sending may have got to
        if new and "config.toml" in there:
            raise RunError(
                f"{address} already holds a run: `ganvas resume {address}` goes on with it; "
                "choose another --run to start anew"
            )
        if there and "config.toml" not in there:
            what = "is not empty: choose another --run" if new else "is not a run"
            raise RunError(f"{address} {what}")
        self.folder = remote.temporary(address)
        self.store.copy(self.folder)
        self.sent = self._stamps()
        self.me = uuid.uuid4().hex
        self.owned = False
        if there:
            self._take()

    def _stamps(self) -> dict[str, tuple[int, int]]:
        """Size and time of each file; those that begin with a dot are parts and locks."""
        found = {}
        for file in self.folder.rglob("*"):
            name = file.relative_to(self.folder).as_posix()
            if file.is_file() and not file.name.startswith(".") and name != OWNER:
                found[name] = (file.stat().st_size, file.stat().st_mtime_ns)
        return found

    def _take(self) -> None:
        (self.folder / OWNER).write_text(json.dumps({"owner": self.me}))
        self.store.put(self.folder / OWNER, OWNER)
        self.owned = True

    def send(self) -> None:
        """Raises: RunError: another process has taken the run over. UsageError: not reached."""
        now = self._stamps()
        changed = [name for name in now if self.sent.get(name) != now[name]]
        gone = set(self.sent) - set(now)
        if not changed and not gone:
            return
        if not self.owned:
            self._take()
        with contextlib.suppress(FileNotFoundError, ValueError):
            if json.loads(self.store.read(OWNER)).get("owner") != self.me:
                raise RunError(
                    f"{self.address} was taken over by another process, which goes on with it: "
                    f"what this one did since lies in {remote.keep(self.folder)}"
                )
        # config.toml first: from there on it is a run that can go on.
        order = {name: (name.startswith("state/"), name != "config.toml") for name in changed}
        for name in sorted(changed, key=lambda name: (order[name], name)):
            self.store.put(self.folder / name, name)
            self.sent[name] = now[name]
        for name in gone:
            self.store.remove(name)
            del self.sent[name]

    @contextlib.contextmanager
    def at_the_end(self) -> Iterator[None]:
        """Send what is there when the work ends, however it ends."""
        try:
            yield
        except BaseException as raised:  # which says more than that it could not be sent, either
            try:
                self._send_or_keep()
            except UsageError as error:
                if error.args != raised.args:
                    sys.stderr.write(f"note: {error}\n")
            raise
        self._send_or_keep()

    def _send_or_keep(self) -> None:
        try:
            self.send()
        except RunError:
            raise
        except BaseException as error:
            whole = f"the run is whole in {remote.keep(self.folder)}"
            if isinstance(error, UsageError):
                raise UsageError(f"{error}; {whole}") from error
            sys.stderr.write(f"note: {whole}\n")
            raise

    def after(self, each_tick: Callable[[Run], bool] | None) -> Callable[[Run], bool]:
        """What is to be done after each tick: send, then ask whoever asked to be asked."""

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
    """For `train` and `resume`: a `run` at an address is worked on here and sent there."""

    @functools.wraps(function)
    def play(*args: P.args, **options: P.kwargs) -> T:
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

    return play
