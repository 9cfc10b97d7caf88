"""Run notebooks in a real kernel, keep their outputs, clean them:  python tests/tools/execute.py nbs/04_nss.ipynb ...
Cells with `#| eval: false` or a word of `tst_flags` (settings.ini) keep the outputs they have; `--flags slow` runs those too."""
import argparse, os, re, time
from pathlib import Path
import nbformat
from nbclient import NotebookClient
from nbdev.clean import nbdev_clean
from nbdev.config import get_config

os.environ.setdefault('OMP_WAIT_POLICY', 'PASSIVE')    # threads that wait do not take the processor from other jobs
TAG = 'skip-execution'

def skipped(cell, flags):
    "The cells that nbdev's own test runner leaves out"
    if cell.cell_type != 'code': return False
    found = re.findall(r'^#\|\s*(.+?)\s*$', cell.source, re.M)
    return 'nbdev_export(' in cell.source or any(
        re.fullmatch(r'eval:\s*false', f, re.I) or f.split()[0] in flags for f in found)

def execute(fn, flags):
    nb, start = nbformat.read(fn, 4), time.time()
    for c in nb.cells:
        if skipped(c, flags): c.metadata['tags'] = [TAG]
    NotebookClient(nb, timeout=None, kernel_name='python3', skip_cells_with_tag=TAG,
                   resources={'metadata': {'path': str(fn.parent)}}).execute()
    nb.metadata.pop('widgets', None)    # random identifiers: every run would be a new diff
    nbformat.write(nb, fn)
    nbdev_clean(str(fn))
    print(f'{fn}: {time.time() - start:.1f} s, {fn.stat().st_size // 1024} KB')

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('notebooks', nargs='+', type=Path)
    p.add_argument('--flags', default='', help='words of tst_flags whose cells run as well')
    args = p.parse_args()
    left_out = set(get_config().tst_flags.split()) - set(args.flags.split())
    for fn in args.notebooks: execute(fn.resolve(), left_out)
