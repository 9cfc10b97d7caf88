"Every notebook runs, each in its own process, through nbdev's own runner; without network, and in time."
import sys
import pytest, nbformat
from conftest import BUDGET, NBS, ROOT, clean_env, notebooks, run

RUN = '''
import sys
from pathlib import Path
from nbdev.config import get_config
from nbdev.test import test_nb
cfg = get_config()
passed, _ = test_nb(Path(sys.argv[1]), skip_flags=cfg.tst_flags.split(), force_flags=sys.argv[2].split(),
                    basepath=cfg.config_path)
sys.exit(not passed)
'''

def name(fn): return fn.relative_to(NBS).as_posix()
def is_lesson(fn): return fn.parent.name == 'lessons'
def has_flag(fn, flag):
    return any(c.cell_type == 'code' and f'#| {flag}' in c.source.splitlines() for c in nbformat.read(fn, 4).cells)

def run_notebook(fn, budget, flags='', root=ROOT, **env):
    "Killed at four times its budget, so that a slow machine still gets an answer and a hanging one an end"
    return run([sys.executable, '-c', RUN, fn, flags], timeout=4*budget, cwd=root, env=clean_env(**env))

def left_behind(): return {f for f in NBS.rglob('*') if '__pycache__' not in f.parts and '.ipynb' not in f.name}

@pytest.mark.parametrize('fn', notebooks(), ids=name)
def test_notebook(fn, record_property):
    before, budget = left_behind(), BUDGET['notebook']
    r = run_notebook(fn, budget, **({'QUALITEACHER_SMOKE': '1'} if is_lesson(fn) else {}))
    record_property('budget', (name(fn), r.seconds, budget))
    assert r.returncode == 0, f'{name(fn)}\n{r.stderr[-6000:]}'
    assert not left_behind() - before, 'a notebook writes into temporary folders only'

@pytest.mark.slow
@pytest.mark.parametrize('fn', [f for f in notebooks() if is_lesson(f) or has_flag(f, 'slow')], ids=name)
def test_notebook_in_full(fn, record_property):
    "Lessons at their full size, and the `slow` cells of every notebook"
    budget = BUDGET['lesson']
    r = run_notebook(fn, budget, flags='slow')
    record_property('budget', (name(fn) + ' (in full)', r.seconds, budget))
    assert r.returncode == 0, f'{name(fn)}\n{r.stderr[-6000:]}'

# --- the runner itself: a test that cannot fail would be worse than none ---
@pytest.fixture
def toy(tmp_path):
    "Makes a project of one notebook with the given code cells"
    def make(*sources):
        (tmp_path/'settings.ini').write_text((ROOT/'settings.ini').read_text())
        (tmp_path/'nbs').mkdir()
        nb = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources])
        nbformat.write(nb, tmp_path/'nbs'/'00_toy.ipynb')
        return tmp_path/'nbs'/'00_toy.ipynb'
    return make

def run_toy(fn, **kw): return run_notebook(fn, budget=30, root=fn.parents[1], **kw)

def test_a_failing_cell_is_reported(toy):
    r = run_toy(toy('x = 41', 'assert x == 42, "not the answer"'))
    assert r.returncode == 1
    assert 'assert x == 42' in r.stderr and 'not the answer' in r.stderr and '00_toy.ipynb' in r.stderr

def test_directives_are_honoured(toy):
    fn = toy('#| eval: false\n1/0', '#| slow\n1/0', '#| gpu\n1/0', '#| experiment\n1/0', 'x = 1')
    assert run_toy(fn).returncode == 0
    assert run_toy(fn, flags='slow').returncode == 1

def test_the_network_is_off(toy):
    "An address of the range kept for documentation: it would otherwise hang, or be refused, but never be ours"
    r = run_toy(toy('import socket\ns = socket.create_connection(("192.0.2.1", 80), timeout=1)'))
    assert r.returncode == 1 and 'without network' in r.stderr

def test_a_hanging_notebook_is_killed(toy):
    with pytest.raises(pytest.fail.Exception, match='killed after'):
        run([sys.executable, '-c', RUN, toy('import time\ntime.sleep(100)'), ''], timeout=10)
