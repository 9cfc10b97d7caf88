"""How the judges see real restorations: numbers only, into nbs/data/judges_real.json.

    python tests/benchmarks/judges_on_real.py FOLDER

FOLDER holds TASK/input/PICTURE.jpg and TASK/labels/METHOD/PICTURE.jpg, where a label is a method's published result for
that input.  Pictures and their names stay where they are: pictures are numbered.
"""
import json, sys, warnings
from pathlib import Path
from qualiteacher.images import load_image
from qualiteacher.iqa import IQAEnsemble, pyiqa_metric

DATA = Path(__file__).resolve().parents[2]/'nbs'/'data'
SOURCES = {'underwater': 'U45, published with results of eight methods: '
                         'https://github.com/IPNUISTlegal/underwater-test-dataset-U45-',
           'hazy': 'photographs and results of RIDCP: https://github.com/RQ-Wu/RIDCP_dehazing'}

def judged(path, iqa, piqe):
    x = load_image(path)[None]
    s = iqa.score(x)
    return {**{n: round(v.item(), 3) for n, v in s.raw.items()}, 'total': round(s.total.item(), 4),
            'piqe': round(piqe.raw(x).item(), 1)}

if __name__ == '__main__':
    root, iqa, piqe = Path(sys.argv[1]), IQAEnsemble.preset('offline'), pyiqa_metric('piqe')
    warnings.simplefilter('ignore')
    out = {'sources': SOURCES, 'columns': 'raw numbers of the members, the ensemble\'s total, PIQE of pyiqa as an outsider'}
    for task in SOURCES:
        methods = {d.name: {p.stem: p for p in sorted(d.iterdir())} for d in sorted((root/task/'labels').iterdir())}
        methods = {'input': {p.stem: p for p in sorted((root/task/'input').iterdir())}, **methods}
        common = sorted(set.intersection(*(set(m) for m in methods.values())))
        out[task] = {m: [judged(files[k], iqa, piqe) for k in common] for m, files in methods.items()}
        print(task, len(common), 'pictures', len(methods), 'versions')
    DATA.mkdir(exist_ok=True)
    (DATA/'judges_real.json').write_text(json.dumps(out).replace('], "', '],\n "').replace('}, {', '},\n  {')+'\n')
