"""What `ganvas export` wrote, served, and drawn from by our client."""

import numpy as np
import pytest

import ganvas
from ganvas.config import parse_set


@pytest.fixture(scope="module")
def exported(grey, sets, tmp_path_factory):
    """The sampler of a tiny run with labels, and the folder of its versions."""
    root = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(root / "cache"))
        run = ganvas.train(grey, run=root / "run", set=parse_set(sets[1::2]), progress=False)
        ganvas.export(run, root / "bars", formats=["saved_model"])
    return ganvas.load(run), root / "bars"


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_served_images_are_those_of_the_run(exported, protocol, serve):
    from ganvas.serve.config import Entry

    sampler, folder = exported
    with serve([Entry("bars", folder)]) as running:
        client = ganvas.Client(getattr(running, protocol), "bars")
        try:
            z = np.random.default_rng(0).normal(size=(6, sampler.noise_size)).astype(np.float32)
            labels = np.arange(6) % 2
            floats = client.predict(z, labels)
            drawn = client.generate(8, label=1, seed=3)
            mixed = client.generate(8, seed=3)
        finally:
            client.close()
    wanted = sampler.decode(z, labels)
    served = ganvas.images.to_uint8(floats)
    assert np.abs(served.astype(int) - wanted).max() <= 1
    assert drawn.shape == mixed.shape == (8, 16, 16, 1) and drawn.dtype == np.uint8
    assert drawn.std() > 0 and (drawn != mixed).any()
