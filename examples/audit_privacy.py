"""Does a generator betray what it learnt from? Run: python examples/audit_privacy.py [FOLDER]"""

import sys
from pathlib import Path

import ganvas
from ganvas.kits import privacy
from train_on_arrays import KIMG, stripes


def main(folder: Path) -> None:
    images, labels = stripes(1000)
    train, holdout = (images[:500], labels[:500]), (images[500:], labels[500:])
    values = {"train.kimg": KIMG, "networks.width": 8, "data.holdout": 0.0}
    run = ganvas.train(train, run=folder, set=values)
    results = privacy.audit(run, train, holdout, n=1000, searches=20, features="none")
    page, _ = privacy.write_report(folder / "privacy", results)
    print(privacy.table(results), page, sep="\n")


if __name__ == "__main__":
    main(Path(sys.argv[1]) if len(sys.argv) > 1 else Path("runs/audited"))
