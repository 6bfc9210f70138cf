"""`python -m docs_site [FOLDER]` builds both sites into FOLDER, by default site/."""

import shutil
import sys
from pathlib import Path

from .building import build
from .checking import faults

site = Path(sys.argv[1] if len(sys.argv) > 1 else "site").resolve()
shutil.rmtree(site, ignore_errors=True)
for language in ("en", "zh"):
    build(language, site)
if found := faults(site):
    sys.exit("\n".join(found))
print(f"Look at: {site / 'index.html'}")  # noqa: T201
