"""Without the extras, public names can be imported, listed and documented; calls that need an extra
name it."""

from __future__ import annotations

SCRIPT = """
import pydoc
import sys

for name in (
    "ai_edge_quantizer", "dp_accounting", "grpc", "grpc_health", "grpc_reflection", "onnx",
    "onnxruntime", "optuna",
    "orjson", "prometheus_client", "ray", "sqlalchemy", "starlette", "tensorflow_serving",
    "tf2onnx", "uvicorn", "vtracer",
):
    sys.modules[name] = None  # as if it were not installed

import ganvas
import ganvas.cluster
import ganvas.exporting.formats
import ganvas.tuning
from ganvas import *
from ganvas.cluster import *
from ganvas.exporting import *
from ganvas.tuning import *
from ganvas.errors import MissingExtra

assert all(hasattr(ganvas, name) for name in ganvas.__all__)
for package in (ganvas, ganvas.cluster, ganvas.exporting, ganvas.tuning):
    assert package.__name__ in pydoc.render_doc(package)
Client("http://127.0.0.1:1").close()  # REST needs the standard library only

calls = {
    "tune": lambda: ganvas.tune("mnist"),
    "edge": lambda: Client("grpc://127.0.0.1:1"),
    "cluster": lambda: ganvas.cluster.train("mnist", "quick", workers=2),
    "onnx": lambda: ganvas.exporting.formats.check(["onnx"]),
}
for extra, call in calls.items():
    try:
        call()
    except MissingExtra as error:
        assert f"ganvas[{extra}]" in str(error), error
    else:
        raise AssertionError(extra)
"""


def test_names_without_extras(forked, tmp_path):
    script = tmp_path / "script.py"
    script.write_text(SCRIPT)
    process = forked(script=script)
    _, errors = process.communicate()
    assert process.returncode == 0, errors
