"""What mypy and editors see of the package; read by mypy (`make check`), run by nobody.

A line that is marked as an error must be one: `warn_unused_ignores` holds that.
"""

from typing import assert_type

import numpy as np

import ganvas

run = ganvas.train("photos/", recipe="quick", overrides={"train.kimg": 100})
assert_type(run, ganvas.Run)
assert_type(ganvas.resume(run), ganvas.Run)
assert_type(ganvas.load(run), ganvas.Sampler)
assert_type(ganvas.load(run).sample(64), np.ndarray)
assert_type(ganvas.load_game(run), ganvas.GAN)
assert_type(ganvas.gan.losses.LOSSES, dict[str, type[ganvas.Loss]])
assert_type(ganvas.kits.defects.fit("good/", "out/"), ganvas.kits.defects.Detector)

ganvas.train("photos/", recipies="quick")  # type: ignore[call-arg]
ganvas.tarin("photos/")  # type: ignore[attr-defined]
ganvas.kits.defect  # type: ignore[attr-defined]  # noqa: B018
ganvas.kits.privacy.audits  # type: ignore[attr-defined]  # noqa: B018
