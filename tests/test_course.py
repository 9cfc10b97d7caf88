"The course: solutions pass and stubs fail, every lesson has its parts, pages have no broken links, notebooks keep their limits."
import json, re, sys
from importlib.util import find_spec
import pytest
from conftest import NBS, ROOT, clean_env, notebooks, run

TOOLS = ROOT/'tests'/'tools'
sys.path.insert(0, str(TOOLS))
import notebook_stats, pages

LESSONS = [f for f in notebooks() if f.parent.name == 'lessons']
by_lesson = pytest.mark.parametrize('fn', LESSONS, ids=lambda f: f.stem)

def cells(fn): return json.loads(fn.read_text(encoding='utf-8'))['cells']
def text(source): return source if isinstance(source, str) else ''.join(source)
def prose(fn): return '\n\n'.join(text(c['source']) for c in cells(fn) if c['cell_type'] == 'markdown')
def exercises(*args): return run([sys.executable, TOOLS/'exercises.py', *args], timeout=300, env=clean_env(QUALITEACHER_SMOKE='1'))

# --- exercises ---
@by_lesson
def test_solutions_pass_and_stubs_fail(fn):
    r = exercises('--check', fn)
    assert r.returncode == 0, r.text
    lines = r.stdout.splitlines()
    assert len(lines) >= 2 and all(l.endswith(': ok') for l in lines), r.text

def test_a_wrong_solution_is_reported(tmp_path):
    code = lambda s: dict(cell_type='code', source=s, outputs=[], metadata={})
    nb = dict(cells=[code('#| exercise one\n# solution\nx = 2\n# end solution'), code('#| check one\nassert x==1')])
    (tmp_path/'toy.ipynb').write_text(json.dumps(nb))
    r = exercises('--check', tmp_path)
    assert r.returncode == 1 and 'the solution fails' in r.stdout

def test_students_copies(tmp_path):
    "Every lesson: no solution in it, all its data beside it, nothing overwritten"
    r = exercises(NBS/'lessons', tmp_path/'out')
    assert r.returncode == 0, r.text
    for fn in LESSONS:
        source = '\n'.join(text(c['source']) for c in cells(tmp_path/'out'/fn.name))
        n = sum('#| exercise' in text(c['source']) for c in cells(fn))
        assert '# solution' not in source and source.count('...  # your code') >= n
        for f in re.findall(r"'data/([\w.-]+)'", source): assert (tmp_path/'out'/'data'/f).stat().st_size
        assert '../data' not in source
    again = exercises(LESSONS[0], tmp_path/'out')
    assert again.returncode == 1 and "somebody's work" in again.stderr and 'Traceback' not in again.text

# --- what a lesson has ---
@by_lesson
def test_lesson_has_its_parts(fn):
    top, whole = text(cells(fn)[0]['source']), prose(fn)
    for words in ('Run time', 'know', 'able to answer'): assert words in top, f'first cell: {words!r} is missing'
    assert re.search(r'\*\*Predict', whole), 'no prediction'
    summary = re.search(r'^## In five lines\n(.*?)(?=^## |\Z)', whole, re.M | re.S)
    assert summary and len(re.findall(r'^\d\. ', summary[1], re.M)) == 5, 'a summary of five lines'
    assert whole.count('(open') and '(easy' in whole, 'exercises are graded from easy to open'

def test_the_script_is_short():
    "Lesson 00 promises sixty lines"
    inside, n = False, 0
    for c in cells(NBS/'lessons'/'00_sixty_lines.ipynb'):
        s = text(c['source'])
        if c['cell_type'] == 'markdown': inside = (inside or '## The script' in s) and '## The result' not in s
        elif inside: n += sum(bool(l.strip()) for l in s.splitlines())
    assert 50 <= n <= 70, n

# --- how notebooks read ---
@pytest.mark.parametrize('fn', notebooks(), ids=lambda f: f.stem)
def test_notebook_keeps_its_limits(fn): assert not notebook_stats.outside(fn)

def test_limits_can_be_broken(tmp_path):
    nb = dict(cells=[dict(cell_type='code', source='\n'.join(f'a{i} = {i}' for i in range(99)), outputs=[], metadata={})])
    (tmp_path/'00_toy.ipynb').write_text(json.dumps(nb))
    assert {m.split(':')[0] for m in notebook_stats.outside(tmp_path/'00_toy.ipynb')} == {'words', 'questions'}

# --- pages ---
@pytest.fixture(scope='module')
def site(tmp_path_factory):
    missing = [m for m in ('mkdocs', 'material') if not find_spec(m)]
    if missing: pytest.skip(f'{missing} not installed: pip install mkdocs mkdocs-material')
    out = tmp_path_factory.mktemp('pages')/'site'
    r = run([sys.executable, TOOLS/'pages.py', out])
    assert r.returncode == 0, r.text
    return out

def test_pages_have_no_broken_links(site): assert not pages.broken_links(site)

def test_every_notebook_has_its_page(site):
    start = (site/'index.html').read_text()
    for fn in notebooks():
        page = (site/fn.relative_to(NBS).with_suffix('.html')).read_text()
        if fn.stem == 'index': continue
        assert fn.relative_to(NBS).with_suffix('.html').as_posix() in start, 'not in the index'
        lesson = fn in LESSONS or fn.stem in ('11d_dashboard', '12_explorer')
        assert f'kind {"lesson" if lesson else "reference"}' in page and 'colab.research.google.com' in page
        shown = sum(k.startswith('image/') for c in cells(fn) if c['cell_type'] == 'code' for o in c['outputs'] for k in o.get('data', {}))
        assert page.count('class="figure"') == shown
        assert '/root/' not in page and '/home/' not in page

def test_solutions_are_folded(site):
    page = (site/'lessons'/'00_sixty_lines.html').read_text()
    assert page.count('<summary>Solution</summary>') == 3 and '# your code' in page

def test_the_search_knows_the_text(site): assert 'pseudo-label' in (site/'search'/'search_index.json').read_text()

def test_nothing_is_fetched(site):
    "Scripts, styles and pictures come with the site, so that it works without network"
    for f in site.rglob('*.html'):
        far = re.findall(r'<(?:script|img|link)\b[^>]*?(?:src|href)="?(https?:[^" >]+)', f.read_text())
        assert not [u for u in far if 'canonical' not in u and not u.startswith(pages.settings()['doc_host'])], f'{f.name}: {far}'

def test_a_broken_link_is_found(tmp_path):
    (tmp_path/'a.html').write_text('<a href="b.html">b</a><a href="#here">h</a><a href="https://example.org">e</a><p id="there">')
    assert pages.broken_links(tmp_path) == ['a.html: #here', 'a.html: b.html']
