"Modules and README are what the notebooks make; notebooks are clean; modules depend only on earlier ones."
import ast, json, re, shlex, shutil, sys, warnings
from configparser import ConfigParser
from functools import cache
from importlib.metadata import packages_distributions
import pytest
from packaging.requirements import Requirement
from conftest import LIB, NBS, ROOT, notebooks, run

WIDTH, KB_WARN, KB_MAX = 100, 300, 1024

def settings():
    cfg = ConfigParser(delimiters=['='])
    cfg.read(ROOT/'settings.ini', encoding='utf-8')
    return cfg['DEFAULT']

def norm(dist): return re.sub(r'[-_.]+', '-', dist).lower()
def requirements(key='requirements'):
    "Those of this Python version"
    found = map(Requirement, shlex.split(settings()[key]))
    return {norm(r.name) for r in found if r.marker is None or r.marker.evaluate()}

def text(source): return source if isinstance(source, str) else ''.join(source)
@cache
def cells(fn): return json.loads(fn.read_text(encoding='utf-8'))['cells']
def code_cells(fn): return [c for c in cells(fn) if c['cell_type'] == 'code']

@cache
def exports():
    "{module: ((number, letter), notebook)} of the notebooks that export; 11a comes after 11 and before 12"
    found = {}
    for fn in notebooks():
        names = [m[1] for c in code_cells(fn) if (m := re.search(r'^#\|\s*default_exp\s+(\S+)', text(c['source']), re.M))]
        for n in names:
            number, letter = re.match(r'(\d+)([a-z]?)_', fn.name).groups()
            found[n] = (int(number), letter), fn
    return found

def modules(): return sorted(f for f in LIB.rglob('*.py') if not f.name.startswith('_'))
def stem(f): return f.relative_to(LIB).with_suffix('').as_posix().replace('/', '.')

pytestmark = pytest.mark.skipif(not notebooks(), reason='no notebooks')
by_notebook = pytest.mark.parametrize('fn', notebooks(), ids=lambda f: f.relative_to(NBS).as_posix())
by_module = pytest.mark.parametrize('mod', modules(), ids=stem)

# --- generated files ---
def test_modules_are_what_the_notebooks_export(tmp_path):
    for f in notebooks():
        (tmp_path/'nbs'/f.relative_to(NBS)).parent.mkdir(parents=True, exist_ok=True)
        shutil.copy(f, tmp_path/'nbs'/f.relative_to(NBS))
    shutil.copy(ROOT/'settings.ini', tmp_path)
    (tmp_path/'qualiteacher').mkdir()
    shutil.copy(LIB/'__init__.py', tmp_path/'qualiteacher')
    r = run([sys.executable, '-c', 'from nbdev.doclinks import nbdev_export; nbdev_export()'], cwd=tmp_path)
    assert r.returncode == 0, r.text
    made, kept = ({f.relative_to(d).as_posix(): f.read_text() for f in d.rglob('*.py')} for d in (tmp_path/'qualiteacher', LIB))
    kept.pop('__main__.py')           # three lines that start the command line
    assert made.keys() == kept.keys(), 'modules without a notebook, or notebooks that were not exported'
    stale = [n for n in made if made[n] != kept[n]]
    assert not stale, f'{stale} differ from their notebooks: edit the notebook, then run nbdev_export'

def test_readme_is_what_the_index_makes():
    r = run([sys.executable, ROOT/'tests'/'tools'/'readme.py', '--check'])
    assert r.returncode == 0, r.text

def test_readme_has_the_two_commands():
    lines = (ROOT/'README.md').read_text().splitlines()
    for start, end in [('python3 -m venv .venv && .venv/bin/pip install ', '.venv/bin/qualiteacher demo'),
                       ('python3 -m venv .venv && .venv/bin/pip install ', '.venv/bin/pytest')]:
        assert sum(l.startswith(start) and l.endswith(end) for l in lines) == 1, f'{start}... && {end}'

@by_module
def test_module_comes_from_its_notebook(mod):
    named = re.search(r'File to edit: (\S+)\.$', mod.read_text(), re.M)[1]
    assert (mod.parent/named).resolve().is_file(), named
    assert re.fullmatch(r'\d+[a-z]?_(\w+)\.ipynb', named.split('/')[-1])[1] == mod.stem

# --- clean notebooks ---
@by_notebook
def test_notebook_is_clean(fn):
    nb = json.loads(fn.read_text(encoding='utf-8'))
    assert set(nb['metadata']) <= {'kernelspec'}, 'run nbdev_clean'
    ids = [c.get('id') for c in nb['cells']]
    assert None not in ids and len(set(ids)) == len(ids), 'cells need ids of their own'
    for c in nb['cells']:
        assert not c['metadata'], f'{c["id"]}: metadata {c["metadata"]}'
        if c['cell_type'] != 'code': continue
        assert c['execution_count'] is None, c['id']
        assert text(c['source']).strip(), f'{c["id"]}: empty'
        for o in c['outputs']:
            assert o['output_type'] != 'error', f'{c["id"]}: {o["ename"]}: {o["evalue"]}'
            assert o.get('execution_count') is None, c['id']

@by_notebook
def test_notebook_has_its_outputs(fn):
    assert any(c['outputs'] for c in code_cells(fn)), 'run python tests/tools/execute.py on it'

@by_notebook
def test_outputs_tell_nothing_about_the_machine(fn):
    "Also warnings and tracebacks, which carry the path of whoever ran them"
    parts = [text(c['source']) for c in cells(fn)]
    for c in code_cells(fn):
        for o in c['outputs']:
            parts += [text(o.get('text', ''))] + [text(v) for k, v in o.get('data', {}).items() if k.startswith('text/')]
    found = re.findall(r'\S*(?:/root/|/home/|/Users/|site-packages|ipykernel_\d)\S*', '\n'.join(parts))
    assert not found, found[:5]

@by_notebook
def test_notebook_is_small(fn):
    kb = fn.stat().st_size/1024
    assert kb < KB_MAX, f'{kb:.0f} KB'
    if kb > KB_WARN: warnings.warn(f'{fn.name}: {kb:.0f} KB, meant to stay below {KB_WARN}')

@by_notebook
def test_code_fits_on_a_projector(fn):
    wide = [l for c in code_cells(fn) for l in text(c['source']).splitlines() if len(l) > WIDTH]
    assert not wide, f'wider than {WIDTH} columns:\n' + '\n'.join(wide)

# --- imports ---
def imports(mod):
    "(names of our modules, names of top-level packages) that a module imports, wherever it does"
    ours, others = set(), set()
    for n in ast.walk(ast.parse(mod.read_text())):
        if isinstance(n, ast.Import): names = [a.name for a in n.names]
        elif isinstance(n, ast.ImportFrom):
            base = '.'.join([LIB.name] * bool(n.level) + [n.module] * bool(n.module))
            names = [f'{base}.{a.name}' for a in n.names]
        else: continue
        assert not any(o.endswith('.*') for o in names), f'line {n.lineno}: import *'
        for top, _, rest in (o.partition('.') for o in names):
            if top == LIB.name: ours.add(rest.split('.')[0])
            else: others.add(top)
    return ours & exports().keys(), others - sys.stdlib_module_names

@by_module
def test_module_imports_only_earlier_ones(mod):
    number = {n: i for n, (i, _) in exports().items()}
    late = {o for o in imports(mod)[0] if number[o] >= number[stem(mod)]}
    assert not late, f'{stem(mod)} imports {late}'

@by_module
def test_third_party_imports_are_requirements(mod):
    dists = packages_distributions()
    missing = {o for o in imports(mod)[1]-{'tomli'} if not requirements() & {norm(d) for d in dists.get(o, [o])}}
    assert not missing, f'not in the requirements of settings.ini: {missing}'

def test_requirements_are_used():
    "Whoever installs a package for us should get something for it"
    source = '\n'.join(m.read_text() for m in modules())
    names = [(norm(d), n) for n, ds in packages_distributions().items() for d in ds]
    used = {d for d, n in names if re.search(rf'\b{re.escape(n)}\b', source)}
    used.add('ipywidgets')    # for the sliders in the notebooks
    assert requirements() <= used, f'no module mentions {requirements() - used}'

def test_importing_touches_neither_pyiqa_nor_cuda():
    code = '\n'.join(f'import qualiteacher.{stem(m)}' for m in modules())
    code += '\nimport sys, torch; print("pyiqa" in sys.modules, torch.cuda.is_initialized())'
    r = run([sys.executable, '-W', 'error::SyntaxWarning', '-c', code], cwd=ROOT)
    assert r.returncode == 0, r.text
    assert r.stdout.split() == ['False', 'False'] and not r.stderr, r.text
