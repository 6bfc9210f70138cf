"""Train, export, serve, and ask the server for images: the whole way in one file.

    python examples/ask_a_server.py RUN

Needs the extra: pip install 'ganvas[edge]'.
"""

import re
import subprocess
import sys
import tempfile
from pathlib import Path

import ganvas

FEW_STEPS = {
    "train.kimg": 1, "train.batch": 16, "scores.times": 0, "watch.tensorboard": False,
    "networks.width": 8, "networks.discriminator_width": 8,
}  # fmt: skip


def main(folder: Path) -> None:
    run = ganvas.train("mnist", "quick", run=folder, overrides=FEW_STEPS, progress=False)
    with tempfile.TemporaryDirectory() as models:
        ganvas.export(run, Path(models) / "digits", formats=["saved_model"])
        words = ["serve", f"{models}/digits", "--rest-port", "0", "--grpc-port", "0"]
        command = [sys.executable, "-m", "ganvas", *words]
        with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as server:
            try:
                rest, grpc = re.findall(r"\w+://[\w.:]+", server.stdout.readline())
                with ganvas.Client(rest) as client:
                    (seven,) = client.pictures(1, label=7, seed=3)  # an image of Pillow
                    seven.save(folder / "seven.png")
                with ganvas.Client(grpc) as client:
                    images = client.generate(8, seed=3)  # uint8 [8, 28, 28, 1]
                print(images.shape, "from", grpc)
            finally:
                server.terminate()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
