"""What `ganvas export` wrote, served, and drawn from by our client."""

import numpy as np
import pytest

import ganvas


@pytest.fixture(scope="module")
def exported(grey, few_steps, tmp_path_factory):
    """The sampler of a tiny run with labels, and the folder of its versions."""
    root = tmp_path_factory.mktemp("exported")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("GANVAS_CACHE", str(root / "cache"))
        run = ganvas.train(grey, run=root / "run", set=few_steps, progress=False)
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


@pytest.mark.parametrize("protocol", ["rest", "grpc"])
def test_a_detector_answers_as_it_does_at_home(protocol, serve, detector):
    from ganvas.serve.config import Entry

    images = np.random.default_rng(1).integers(0, 256, (3, 16, 16, 1)).astype(np.uint8)
    with (
        serve([Entry("plates", detector.place.parent)]) as running,
        ganvas.Client(getattr(running, protocol), "plates") as client,
    ):
        told = client.ask(image=images)
    wanted = detector.score(images)
    assert set(told) == {"score", "p_value", "defective", "heatmap"}
    assert np.abs(told["score"] - wanted.score).max() <= 1e-5
    assert (told["defective"] == wanted.defective).all()
    assert told["heatmap"].shape == (3, 16, 16)


@pytest.fixture(scope="module")
def detector(tmp_path_factory):
    """A detector of noise, hardly trained."""
    from ganvas.kits import defects

    good = np.random.default_rng(0).integers(0, 256, (90, 16, 16)).astype(np.uint8)
    sizes = {"networks.width": 4, "networks.discriminator_width": 4, "networks.max_width": 8,
             "train.batch": 16, "train.tick_kimg": 0.16}  # fmt: skip
    out = tmp_path_factory.mktemp("detector") / "plates"
    return defects.fit(good, out, kimg=0.32, encoder_steps=5, set=sizes, progress=False)
