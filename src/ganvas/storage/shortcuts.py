"""Methods of a run for notebooks: each calls a public function of the package.

They call it by its public name, because folders above this one do the work. Pillow, Keras and
Matplotlib are imported when they are needed.
"""

from __future__ import annotations

import contextlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import ganvas

from ..errors import GanvasError, RunError
from .documents import Documents

if TYPE_CHECKING:
    from matplotlib.figure import Figure
    from PIL.Image import Image


class Shortcuts(Documents):
    """What one does with a run.

    Attributes:
        custom_objects: own classes of its networks that are not registered with Keras, by name;
            `train` and `resume` set them.
    """

    custom_objects: Mapping[str, Any] = {}

    def __fspath__(self) -> str:
        return str(self.folder)

    def status(self) -> str:
        """See `Run.status`."""
        raise NotImplementedError

    def sampler(self, model: str = "best") -> ganvas.Sampler:
        """As `ganvas.load`."""
        return ganvas.load(self, model, custom_objects=self.custom_objects)

    def sample(
        self, n: int = 64, label: int | str | Sequence[int | str] | None = None, seed: int = 0,
        truncation: float = 1.0, model: str = "best",
    ) -> Any:  # fmt: skip
        """Draw n images, uint8 [n, H, W, C]: as `Sampler.sample`."""
        return self.sampler(model).sample(n, label, seed, truncation)

    def show(
        self, n: int = 16, label: int | str | Sequence[int | str] | None = None, seed: int = 0,
        columns: int | None = None,
    ) -> Image:  # fmt: skip
        """Draw n images as one grid, an image of Pillow: a notebook shows it, and it has `save`."""
        from ..images.inline import small_grid

        return small_grid(self.sample(n, label, seed), columns)

    def plot(self, *names: str) -> Figure:
        """Losses, logits and scores over kimg, as a figure of Matplotlib.

        Args:
            names: of values in log.jsonl, such as "score/kid"; none: the ones that are usual.

        Raises: RunError: no tick was logged yet, or there is no value of this name.
        """
        from .plot import plot

        return plot(self.rows(), names, self.where)

    def evaluate(self, data: Any = None, **options: Any) -> ganvas.evaluation.Evaluation:
        """As `ganvas.evaluate`."""
        with self._classes():
            return ganvas.evaluate(self, data, **options)

    def resume(self, **options: Any) -> ganvas.Run:
        """As `ganvas.resume`."""
        return ganvas.resume(self, **{"custom_objects": self.custom_objects, **options})

    def doctor(self) -> ganvas.doctor.Diagnosis:
        """As `ganvas doctor`."""
        return ganvas.doctor.diagnose(self)  # type: ignore[arg-type]

    def export(self, to: Any, **options: Any) -> Path | str:
        """As `ganvas.export`."""
        with self._classes():
            return ganvas.export(self, to, **options)

    def _classes(self) -> contextlib.AbstractContextManager[Any]:
        """Within it Keras knows `custom_objects`."""
        if not self.custom_objects:
            return contextlib.nullcontext()
        import keras

        return keras.saving.custom_object_scope(self.custom_objects)

    def _repr_html_(self) -> str:
        from ..images import inline, read

        facts, picture = [], None
        try:
            facts = self._facts()
            grids = sorted((self.folder / "samples").glob("[0-9]*.png"))
            picture = read(grids[-1]) if grids else None
        except GanvasError as error:  # damaged
            facts.append(("damaged", str(error)))
        return inline.card(f"run {_near(self.where)}", facts, picture)

    def _facts(self) -> list[tuple[str, object]]:
        if not (self.folder / "config.toml").is_file():
            raise RunError(f"{self.where} is not a run")
        config, data, rows, best = self.config, self.images, self.rows(), self.best
        shape = "x".join(map(str, data["shape"]))
        names, kimg = data["names"], rows[-1]["kimg"] if rows else 0
        return [
            ("status", self.status()),
            ("recipe", config.recipe),
            ("images", f"{shape}, {_near(config.data.source) or 'in memory'}"),
            ("classes", ", ".join(map(str, names[:10])) + ", ..." * (len(names) > 10)),
            ("kimg", f"{kimg:g} of {config.train.kimg:g}"),
            ("best", f"{best['by']} {best[best['by']]:.4g} at {best['kimg']:g} kimg"
             if best else ""),
        ]  # fmt: skip


def _near(source: str) -> str:
    """The path from the present folder, if it is in it."""
    path = Path(source)
    with contextlib.suppress(ValueError, OSError):
        return str(path.relative_to(Path.cwd()))
    return source
