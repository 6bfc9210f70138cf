"""What a process of the fork server does (see `forked` in conftest.py): reads `order`, runs it.

`ganvas WORDS`, or a script with WORDS, as in a new process but for what is imported already.
"""

import os
import runpy
import signal
import sys
from pathlib import Path

order = globals()["order"]  # given by the caller

signal.signal(signal.SIGINT, signal.default_int_handler)  # tests in the background ignore it
os.environ.clear()
os.environ.update(order["environment"])
os.chdir(order["folder"])
for number, name in ((1, "out"), (2, "err")):
    os.dup2(os.open(order[name], os.O_WRONLY | os.O_CREAT | os.O_TRUNC), number)
sys.argv = [order["script"] or "ganvas", *order["words"]]
if order["script"]:
    sys.path.insert(0, str(Path(order["script"]).parent))
    runpy.run_path(order["script"], run_name="__main__")
else:
    from ganvas.__main__ import main

    sys.path.insert(0, str(Path.cwd()))  # as `python -m` does
    sys.exit(main(order["words"]))
