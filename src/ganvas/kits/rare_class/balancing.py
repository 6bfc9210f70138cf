"""`ganvas balance`: read, train, draw, compare, conclude, write what to use."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from ...base.files import locked, write_file, write_json
from ...base.progress import reported
from ...errors import UsageError
from ...reports.language import chosen
from . import classifier as classifiers, folder, leaks, page, pilot, ready
from .concluding import conclude
from .parts import gather
from .plan import GAN_ARMS, Plan
from .results import Verdict
from .study import Study


@reported
def balance(
    data: Any,
    rare: str | int | Sequence[str | int],
    out: str | os.PathLike[str],
    *,
    test: Any = None,
    groups: str | os.PathLike[str] | None = None,
    test_groups: str | os.PathLike[str] | None = None,
    external: Any = None,
    classifier: str | classifiers.Fit | None = None,
    progress: bool = True,
    lang: str = "",
    **options: Any,
) -> Verdict:
    """Add generated images to rare classes, and test with intervals whether they help.

    After an interruption, the same call resumes it.

    Args:
        data: a folder whose sub-folders are classes, or any other source of `ganvas.train`.
        rare: names of the rare classes.
        out: folder for model/, images/, manifest.json, manifest.csv, train.csv, report.html,
            report.md, report.json, and for runs and predictions.
        test: test images, as `data`; None: the official test part of `data`, or else a share of
            `data`, set aside.
        groups: CSV of `path,group`: images of one group (patient) stay on one side of each split,
            and are drawn together by the bootstrap.
        test_groups: the same for a separate test part.
        external: other images with the same classes (another site, stain or device), as `data`;
            they are judged beside the test, and choose nothing.
        classifier: None for the built-in CNN, a function, or "my_package.module:fit"; see
            `rare_class.classifier` for its arguments.
        progress: report progress on standard error.
        lang: language of the report, "en" or "zh"; "": by GANVAS_LANG, else en.
        options: of `rare_class.Plan`: seeds, kimg, steps, ratios and so on.

    Returns: the verdict, with all numbers.
    Raises: UsageError, DataError, RunError: nothing is half-written.
    """
    lang = chosen(lang)
    names = [rare] if isinstance(rare, (str, int, np.integer)) else rare
    plan = Plan(tuple(str(name) for name in names), **options)
    fit = classifiers.find(classifier)
    for source in (data, test, external):
        _check_apart(source, Path(out))
    material = gather(
        data, plan, test=test, groups=groups, test_groups=test_groups, external=external
    )
    plan = plan.resolved(max(material.learn.images.shape[1:3]))
    found = leaks.find(material.learn.images, material.test.images)
    leaks.refuse_empty(found, material)
    study = Study(Path(out), material, plan, fit, _name(classifier), progress)
    with locked(study.folder):
        pilot.check(study)
        study.run()
        return _finish(study, found, data, lang)


def _finish(study: Study, found: leaks.Leaks, data: Any, lang: str) -> Verdict:
    """The verdict of a complete study; writes the folder of images and the report."""
    pools = [study.pool(seed).images for seed in range(study.plan.seeds)]
    verdict = conclude(study, leaks.with_synthetic(found, study.material.test.images, pools))
    mixes = verdict.advised in GAN_ARMS
    folder.publish(study, verdict.arm(verdict.best_gan).ratio, data, mixes)
    model = ready.write(study, verdict)
    content = page.report(study, verdict, model)
    write_json(study.folder / "report.json", verdict.to_dict())
    write_file(study.folder / "report.html", content.html(lang))
    write_file(study.folder / "report.md", content.markdown(lang))
    return verdict


def _check_apart(data: Any, out: Path) -> None:
    """Raises UsageError if the output would be read as data the next time."""
    if isinstance(data, (str, os.PathLike)) and Path(data).is_dir():
        folder = Path(data).resolve()
        if folder in (out.resolve(), *out.resolve().parents):
            raise UsageError(
                f"{out} lies within {data}, so its images would be read as real ones: choose "
                "another --out"
            )


def _name(classifier: str | classifiers.Fit | None) -> str:
    if callable(classifier):
        about = classifier if hasattr(classifier, "__qualname__") else type(classifier)
        return f"{about.__module__}:{about.__qualname__}"
    return classifier or "built-in"
