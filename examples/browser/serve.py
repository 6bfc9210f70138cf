"""A generator that runs in the browser. Run: python examples/browser/serve.py MODEL [--to SITE]

SITE is a folder of static files without links to other sites: any web server can serve it.
"""

import argparse
import functools
import http.server
import json
import mimetypes
import shutil
import subprocess
import sys
from pathlib import Path

from ganvas.storage import manifest

HERE = Path(__file__).resolve().parent
FILES = ("model_dynamic.tflite", "model_float16.tflite", "model_float32.tflite")
"""Files with float input and output, the smallest first."""


def build(model: Path, site: Path) -> None:
    """Put the page, the runtime and the newest version of a model together."""
    facts, version = manifest.verify(model), manifest.locate(model)
    files = [name for name in FILES if name in facts["artefacts"]]
    if not files:
        sys.exit(f"error: {version} holds none of {', '.join(FILES)}: export it with litert")
    packages = HERE / "node_modules" / "@litertjs"
    if not packages.exists():
        npm = shutil.which("npm") or "npm"
        subprocess.run([npm, "ci", "--ignore-scripts", "--no-audit"], cwd=HERE, check=True)
    for folder in ("model", "litert"):
        (site / folder).mkdir(parents=True, exist_ok=True)
    for name in ("index.html", "page.js"):
        shutil.copy(HERE / name, site / name)
    keys = ("noise_size", "shape", "conditional", "names", "class_shares")
    (site / "model" / "manifest.json").write_text(json.dumps({key: facts[key] for key in keys}))
    shutil.copy(version / files[0], site / "model" / "model.tflite")
    shutil.copy(packages / "core" / "dist" / "index.js", site / "litert" / "core.js")
    shutil.copy(packages / "wasm-utils" / "dist" / "index.js", site / "litert" / "wasm-utils.js")
    for path in (packages / "core" / "wasm").iterdir():
        if path.stem in ("litert_wasm_internal", "litert_wasm_compat_internal"):
            shutil.copy(path, site / "litert")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("model", type=Path, help="what `ganvas export` wrote: DIR or DIR/N")
    parser.add_argument("--to", type=Path, default=HERE / "site", metavar="SITE")
    parser.add_argument("--port", type=int, default=8000)
    options = parser.parse_args()
    build(options.model, options.to)
    mimetypes.add_type("text/javascript", ".js")  # some machines have another type for it
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=options.to)
    with http.server.ThreadingHTTPServer(("127.0.0.1", options.port), handler) as server:
        print(f"http://127.0.0.1:{server.server_port}/", flush=True)
        server.serve_forever()
