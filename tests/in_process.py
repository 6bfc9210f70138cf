"""What `exporting.child.Child` does, in the test's own process, with given times."""

from __future__ import annotations

from ganvas.errors import Refused
from ganvas.exporting import child, litert, runners


class InProcess:
    """Args:
    times: milliseconds of a candidate by its file's name; of others 1.
    refused: a sentence against the converter's file of a kind.
    """

    def __init__(self, times=None, refused=None):
        self.times, self.refused = times or {}, refused or {}

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def convert(self, folder, kind, path):
        if kind in self.refused:
            raise Refused(self.refused[kind])
        path.write_bytes(litert.convert_saved(folder, kind, child._examples(folder)))

    def quantise(self, folder, kind, source, path):
        """By the converter, as if by another."""
        path.write_bytes(litert.convert_saved(folder, kind, child._examples(folder)))

    def delegates(self, path):
        return (one := runners.LiteRT(path)).delegates, one.outside

    def draw(self, path, noise, labels):
        return runners.LiteRT(path)(noise, labels)

    def time(self, paths, folder):
        return {
            one.name: {threads: [self.times.get(one.name, 1.0)] * 3 for threads in (1, 2)}
            for one in paths
        }
