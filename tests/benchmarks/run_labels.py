"""What calibration does to the levels of a real run: every pseudo-label in the bank of a finished `qualiteacher demo`, scored with
fixed ranges and as the run scored it.  Writes nbs/data/run_labels.csv.

    qualiteacher demo --out RUN && python tests/benchmarks/run_labels.py RUN
"""
import csv, sys
from pathlib import Path
from qualiteacher.checkpoints import RunFolder
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.label_bank import LabelBank

DATA = Path(__file__).resolve().parents[2]/'nbs'/'data'

def labels(run):
    "(key, Label) of the last refresh of every picture, and the calibration of the run"
    s = RunFolder(run).load()
    bank = LabelBank(run/'bank', name='process0', readonly=True)
    return [(k, l) for k in bank.keys() for l in bank.last(k)], s['calibration']

if __name__ == '__main__':
    (found, calibration), iqa, rows = labels(Path(sys.argv[1])), IQAEnsemble.preset('offline'), []
    for key, l in found:
        x = l.tensors()[0][None]
        iqa.load_calibration({}); fixed = iqa.score(x).total.item()
        iqa.load_calibration(calibration); ranked = iqa.score(x).total.item()
        rows.append(dict(picture=key.split('/')[-1], view=l.name, fixed=f'{fixed:.4f}', calibrated=f'{ranked:.4f}'))
    with open(DATA/'run_labels.csv', 'w', newline='') as out:
        w = csv.DictWriter(out, rows[0], lineterminator='\n'); w.writeheader(); w.writerows(rows)
    print(len(rows), 'labels')
