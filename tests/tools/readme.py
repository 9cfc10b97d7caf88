"README.md from nbs/index.ipynb and its stored outputs.  `--check`: write nothing, exit 1 when they differ."
import argparse, re, sys
from configparser import ConfigParser
from pathlib import Path
import nbformat
from nbconvert import MarkdownExporter

root = Path(__file__).resolve().parents[2]

def directives(cell): return re.findall(r'^#\|\s*(.+?)\s*$', cell.source, re.M)

def prepare(nb):
    "Drop hidden cells, directive lines and the input of `echo: false` cells"
    cells = []
    for c in nb.cells:
        if c.cell_type != 'code':
            cells.append(c)
            continue
        flags = directives(c)
        if 'hide' in flags or any(f.startswith('default_exp') for f in flags): continue
        c.source = re.sub(r'^#\|.*\n?', '', c.source, flags=re.M).strip()
        if 'echo: false' in flags: c.source = ''
        if 'output: false' in flags: c.outputs = []
        if c.source or c.outputs: cells.append(c)
    nb.cells = cells
    nb.metadata['language_info'] = {'name': 'python'}    # names the language of the code fences
    return nb

def render(fn):
    "The README's text and its pictures {relative path: bytes}"
    nb = prepare(nbformat.read(fn, 4))
    md, res = MarkdownExporter().from_notebook_node(nb, {'output_files_dir': 'index_files'})
    md = re.sub(r'```python\n\s*```\n', '', md)          # what is left of an input that is not shown
    md = re.sub(r'^[ \t]+$', '', md, flags=re.M)
    note = '<!-- Made from nbs/index.ipynb by tests/tools/readme.py: edit the notebook, not this file. -->\n\n'
    md = note + re.sub(r'\n{3,}', '\n\n', md).strip() + '\n'
    return {'README.md': md.encode(), **res['outputs']}

def main():
    p = argparse.ArgumentParser(description=__doc__)
    p.add_argument('--check', action='store_true')
    p.add_argument('--root', type=Path, default=root, help='root of the repository')
    args = p.parse_args()
    cfg = ConfigParser(delimiters=['='])
    cfg.read(args.root/'settings.ini', encoding='utf-8')
    cfg = cfg['DEFAULT']
    made = render(args.root/cfg['nbs_path']/cfg['readme_nb'])
    stale = [n for n, b in made.items() if not (args.root/n).is_file() or (args.root/n).read_bytes() != b]
    extra = [f for f in (args.root/'index_files').glob('*') if f'index_files/{f.name}' not in made]
    if args.check:
        if stale or extra: sys.exit(f'not as nbs/{cfg["readme_nb"]} makes them: {stale + [f.name for f in extra]}; '
                                    'run python tests/tools/readme.py')
        return
    for f in extra: f.unlink()
    for n, b in made.items():
        (args.root/n).parent.mkdir(exist_ok=True)
        (args.root/n).write_bytes(b)
    print('wrote', *made)

if __name__ == '__main__': main()
