"""A store of its own, shelf://, that several processes see: a folder named by $SHELF.

python shelf.py WORDS ...   runs `ganvas WORDS ...` where shelf:// is known
"""

import os
import sys

import fsspec
from fsspec.implementations.local import LocalFileSystem


class Shelf(LocalFileSystem):
    protocol = "shelf"

    @classmethod
    def _strip_protocol(cls, path):
        return super()._strip_protocol(str(path).replace("shelf:/", os.environ["SHELF"]))


fsspec.register_implementation("shelf", Shelf, clobber=True)

if __name__ == "__main__":
    from ganvas.__main__ import main

    sys.exit(main(sys.argv[1:]))
