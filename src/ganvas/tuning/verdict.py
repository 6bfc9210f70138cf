"""The result of a search: retrain the best and the default with other seeds, and compare them.

The lowest of many scores is too low (winner's curse): its values score higher when they are
trained again. So the best values and the recipe's own are trained with seeds that the search has
not used.
"""

from __future__ import annotations

import contextlib
import datetime
import math
import time
import warnings
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from typing import Any

import numpy as np
import optuna

from .. import __version__
from ..base.files import in_turn, write_file, write_json
from ..base.messages import log
from ..base.progress import say, stage
from ..base.stages import Stage
from ..config import Config
from ..errors import Diverged, UsageError
from ..stats.intervals import student
from ..storage.run import Run
from .result import BestTrial, PairedDifference, Repeats, TrialResult, TuningResult
from .session import Search
from .space import values_of
from .study import Study
from .study_report import page
from .trial import scores_of, trained


def conclude(search: Search, study: Study, repeats: int, lang: str = "") -> TuningResult:
    """Repeat, compare, and write tune.json, best.toml and report.html next to the runs.

    If several machines share the study, each does this when its search ends, one after the other:
    the first trains the repeats, and the others read them.

    Raises: UsageError: no trial was trained to its end.
    """
    note = "another process of this study retrains the best: waiting for it"
    with in_turn(search.folder / ".conclude.lock", note):
        return _conclude(search, study, repeats, lang)


def _conclude(search: Search, study: Study, repeats: int, lang: str) -> TuningResult:
    best = study.best()
    if best is None and time.time() > search.deadline:
        raise UsageError(
            "the time ended before a trial was finished: repeat the command to continue"
        )
    if best is None:
        whys = Counter(trial.user_attrs.get("why", "stopped") for trial in study.done())
        found = ", ".join(f"{count} {why}" for why, count in whys.most_common()) or "none finished"
        raise UsageError(
            f"no trial was trained to its end ({found}): widen [tune], or increase --trials or "
            "kimg; the runs are kept"
        )
    values = values_of(study.space, best.params)
    result = TuningResult(
        recipe=search.config.recipe,
        data=search.data if isinstance(search.data, str) else "arrays",
        kimg=search.config.train.kimg,
        folder=str(search.folder),
        study=study.address,
        images=search.about["images"],
        by=best.user_attrs["by"],
        against=search.against,
        best=BestTrial(best.number, best.value, values),
        trials=tuple(_result(study, trial) for trial in study.done()),
        importance=importance(study),
        repeats=_repeat(search, values, repeats) if repeats else None,
    )
    write_json(search.folder / "tune.json", result.to_dict())
    write_file(search.folder / "best.toml", best_recipe(search.recipe, result))
    write_file(search.folder / "report.html", page(result).html(lang))
    return result


def _result(study: Study, trial: optuna.trial.FrozenTrial) -> TrialResult:
    scores = trial.intermediate_values
    return TrialResult(
        number=trial.number,
        value=trial.value if trial.state == optuna.trial.TrialState.COMPLETE else None,
        why=trial.user_attrs.get("why"),
        scores=tuple(scores[step] for step in sorted(scores)),
        values=values_of(study.space, trial.params),
        run=trial.user_attrs.get("run"),
        copies=trial.user_attrs.get("copies", 0.0),
    )


def importance(study: Study) -> dict[str, float]:
    """Importance of each value for being among the better trials; empty if there are too few.

    Source: Watanabe et al. 2023, arXiv:2304.10255 (PED-ANOVA), by Optuna.
    """
    evaluator = optuna.importance.PedAnovaImportanceEvaluator
    with warnings.catch_warnings(), contextlib.suppress(ValueError, RuntimeError):
        warnings.simplefilter("ignore")
        found = optuna.importance.get_param_importances(study.optuna, evaluator=evaluator())
        return {key: float(value) for key, value in found.items()}
    return {}


def _repeat(search: Search, values: Mapping[str, Any], repeats: int) -> Repeats | None:
    """Train the best values and the recipe's own with each seed, and compare the last scores."""
    seeds = [search.config.train.seed + 1 + number for number in range(repeats)]
    with stage("retraining", 2 * repeats, "runs") as retraining:
        return _retrain(search, values, seeds, retraining)


def _retrain(
    search: Search, values: Mapping[str, Any], seeds: Sequence[int], retraining: Stage
) -> Repeats | None:
    rows: dict[str, list[float | None]] = {"best": [], "default": []}
    for seed in seeds:
        for name, changed in (("best", values), ("default", {})):
            every = {**changed, "train.seed": seed}
            folder = search.run_of(every)
            retraining.update(sum(map(len, rows.values())))
            before = Run(folder).status()
            if before == "diverged":  # it would diverge again
                rows[name].append(None)
                continue
            if time.time() > search.deadline and before != "finished":
                log.warning("the time ended before the repeats: repeat the call to continue")
                return None
            try:
                run = trained(search, folder, every)
            except Diverged:
                rows[name].append(None)
            else:
                if run.status() != "finished":
                    raise KeyboardInterrupt
                rows[name].append(scores_of(run)[-1])
            say(f"{name}, seed {seed}: {_shown(rows[name][-1])}")
    best, default = rows["best"], rows["default"]
    found = asdict(compare(best, default))
    return Repeats(**found, seeds=tuple(seeds), best=tuple(best), default=tuple(default))


def _shown(value: float | None) -> str:
    return "diverged" if value is None else f"{value:.4g}"


def compare(best: Sequence[float | None], default: Sequence[float | None]) -> PairedDifference:
    """The difference of scores, paired by seed.

    Args:
        best, default: scores, lower is better; None: the run diverged.
    """
    pairs = list(zip(best, default, strict=True))
    if any(one is None or other is None for one, other in pairs):
        diverged = [sum(score is None for score in side) for side in (best, default)]
        alone = len(best) in diverged and 0 in diverged  # one always, the other never
        verdict = ("helps" if diverged[1] > diverged[0] else "hurts") if alone else "no evidence"
        return PairedDifference(None, None, None, verdict)
    gaps = np.array(pairs, float) @ [1.0, -1.0]
    if len(gaps) < 2:
        return PairedDifference(float(gaps.mean()), None, None, "no evidence")
    half = student(len(gaps) - 1) * float(gaps.std(ddof=1)) / math.sqrt(len(gaps))
    low, high = float(gaps.mean()) - half, float(gaps.mean()) + half
    verdict = "helps" if high < 0 else "hurts" if low > 0 else "no evidence"
    return PairedDifference(float(gaps.mean()), low, high, verdict)


def best_recipe(config: Config, result: TuningResult) -> str:
    """The recipe with the best values, a file for `train --recipe`."""
    best, repeats = result.best, result.repeats
    score = f"{result.by} on {result.against}: {best.value:.4g} in the search"
    if repeats and None not in repeats.best:
        again = ", ".join(f"{value:.4g}" for value in repeats.best)
        score += f"; {again} with seeds {list(repeats.seeds)}"
    header = {
        "what": f"{result.recipe} with the values of trial {best.trial} of a search over "
        f"{len(result.trials)} trials of {result.kimg:g} kimg",
        "command": f"ganvas train {result.data} --recipe best.toml",
        "length": f"{result.kimg:g} kimg, that of a trial; --set train.kimg=... for more",
        "data": f"searched on {result.data}, fingerprint {result.images}",
        "score": score,
        "study": result.study,
        "made": f"by ganvas {__version__} on {datetime.date.today().isoformat()}",
    }
    named = {"recipe": f"{config.recipe}-tuned", "data.source": ""}
    tuned = config.with_values({**best.values, **named})
    return "".join(f"# {key}: {line}\n" for key, line in header.items()) + tuned.toml()
