"What is shipped: the same bytes for everybody, complete metadata, licences, types, old and new Pythons, no pyiqa."
import ast, hashlib, importlib.util, json, os, re, shlex, shutil, subprocess, sys, zipfile
from email.parser import HeaderParser
from pathlib import Path
import pytest, yaml
from packaging.requirements import Requirement
from conftest import IGNORE, LIB, ROOT, SAMPLES, clean_env, run
from test_sync import norm, requirements, settings

def tool(name):
    "A script of tests/tools as a module"
    spec = importlib.util.spec_from_file_location(name, ROOT/'tests'/'tools'/f'{name}.py')
    mod = importlib.util.module_from_spec(spec); spec.loader.exec_module(mod)
    return mod

needs = lambda name: pytest.mark.skipif(importlib.util.find_spec(name) is None, reason=f'{name} is missing: pip install {name}')
@pytest.fixture(scope='module')
def metadata(dists):
    z = zipfile.ZipFile(dists[0])
    return HeaderParser().parsestr(z.read(next(n for n in z.namelist() if n.endswith('METADATA'))).decode())

# --- the same bytes ---
def build(folder, umask, epoch='1700000000'):
    shutil.copytree(ROOT, folder/'src', ignore=IGNORE)
    r = run(['bash', '-c', f'umask {umask}; chmod -R u=rwX,go=rX src; chmod -R {"g+w" if umask == "002" else "g-w"} src; '
             f'"{sys.executable}" -m build --no-isolation --outdir dist src'], cwd=folder, env=clean_env(SOURCE_DATE_EPOCH=epoch))
    assert r.returncode == 0, r.text[-4000:]
    return {f.name: hashlib.sha256(f.read_bytes()).hexdigest() for f in (folder/'dist').iterdir()}

def test_whoever_builds_gets_the_same_bytes(tmp_path):
    "Two folders, two moments, two umasks"
    (tmp_path/'a').mkdir(), (tmp_path/'longer name').mkdir()
    first, second = build(tmp_path/'a', '022'), build(tmp_path/'longer name', '002')
    assert len(first) == 2 and first == second

# --- metadata ---
@needs('twine')
def test_twine_is_content(dists):
    r = run([sys.executable, '-m', 'twine', 'check', '--strict', *dists])
    assert r.returncode == 0 and r.stdout.count('PASSED') == 2, r.text

def test_metadata_is_complete(metadata):
    assert metadata['Version'] == settings()['version'] and metadata['Requires-Python'] == '>=3.10' and (metadata['License-Expression'] or metadata['License']) == 'Apache-2.0'
    links = dict(v.split(', ') for v in metadata.get_all('Project-URL'))
    assert {'Documentation', 'Source', 'Issues', 'Changelog', 'Paper'} <= links.keys() and all(u.startswith('https://') for u in links.values())
    classifiers = metadata.get_all('Classifier')
    assert [c[-4:] for c in classifiers if re.search(r':: 3\.\d+$', c)] == ['3.10', '3.11', '3.12', '3.13'] and 'Typing :: Typed' in classifiers
    assert metadata.get_all('License-File') == ['LICENSE', 'LICENCES.md'] and metadata['Description-Content-Type'] == 'text/markdown'

def test_the_description_links_to_where_the_files_are(metadata):
    "A package index shows the README without the clone around it"
    text, git = metadata.get_payload(), settings()['git_url']
    links = re.findall(r'(!?)\[[^\]]*\]\(([^)]+)\)', text)
    assert len(links) > 20 and all(u.startswith('https://') for _, u in links), [u for _, u in links if not u.startswith('https://')]
    for picture, u in links:
        if u.startswith(git + '/'):
            assert u.startswith(f'{git}/{"raw" if picture else "blob"}/main/') and (ROOT/u.split('/main/')[1]).exists(), u

def test_an_installation_brings_no_tools_of_ours_and_no_compiler(dists, metadata):
    asked = [Requirement(r) for r in metadata.get_all('Requires-Dist')]
    plain = {norm(r.name) for r in asked if not (r.marker and 'extra' in str(r.marker))}
    dev = {norm(Requirement(w).name) for w in shlex.split(settings()['dev_requirements'])}
    assert plain and not plain & (dev - {'fastcore'})                   # fastcore: used, and held back for nbdev's sake
    wheel = zipfile.ZipFile(dists[0])
    assert dists[0].name.endswith('-py3-none-any.whl') and not [n for n in wheel.namelist() if n.endswith(('.so', '.c', '.cpp', '.pyx'))]

def test_lowest_versions_are_said():
    "Those that were tried, see CONTRIBUTING; a requirement without one would be a guess"
    text = (ROOT/'CONTRIBUTING.md').read_text()
    for r in map(Requirement, shlex.split(settings()['requirements'])):
        low = [s.version for s in r.specifier if s.operator == '>=']
        assert low, f'{r.name}: no lowest version'
        assert f'{r.name} {low[0]}' in text, f'{r.name} {low[0]} is not among those that were tried'

# --- files about the project ---
def test_licences_are_what_their_sources_say():
    r = run([sys.executable, ROOT/'tests'/'tools'/'licences.py', '--check'])
    assert r.returncode == 0, r.text

def test_everything_has_a_licence():
    text, lic = (ROOT/'LICENCES.md').read_text(encoding='utf-8'), tool('licences')
    all_of_them = {norm(Requirement(w).name) for w in shlex.split(settings()['requirements'])}
    assert all_of_them == lic.REQUIREMENTS.keys()
    for f in [*(LIB/'weights').glob('*.safetensors'), *SAMPLES.rglob('*.jpg')]:
        assert f'`{f.name}`' in text or f'`{f.relative_to(SAMPLES).as_posix()}`' in text, f

def test_citation():
    c = yaml.safe_load((ROOT/'CITATION.cff').read_text(encoding='utf-8'))
    assert c['cff-version'] == '1.2.0' and c['type'] == 'software' and c['message'] and c['title']
    assert c['version'] == settings()['version'] and c['repository-code'] == settings()['git_url'] and c['license'] == 'Apache-2.0'
    paper = c['preferred-citation']
    assert paper['authors'][0]['family-names'] == 'Xiao' and len(paper['authors']) == 9 and paper['year'] == 2026 and paper['url'] in (ROOT/'README.md').read_text()
    for a in c['authors'] + paper['authors']: assert a.keys() <= {'name', 'family-names', 'given-names'}

def test_changelog_knows_this_version():
    text = (ROOT/'CHANGELOG.md').read_text()
    assert re.search(rf'^## \[{re.escape(settings()["version"])}\] - (unreleased|\d{{4}}-\d\d-\d\d)$', text, re.M)

def test_the_workflow_runs_the_test_command_on_each_python(metadata):
    job, = yaml.safe_load((ROOT/'.github'/'workflows'/'tests.yml').read_text())['jobs'].values()
    pythons = [c.split(' :: ')[-1] for c in metadata.get_all('Classifier') if re.search(r':: 3\.\d+$', c)]
    assert job['strategy']['matrix']['python'] == pythons
    assert [s['run'] for s in job['steps'] if 'run' in s] == ['.ci/run'] and os.access(ROOT/'.ci'/'run', os.X_OK)

@pytest.mark.parametrize('form', sorted((ROOT/'.github'/'ISSUE_TEMPLATE').glob('*.yml')), ids=lambda f: f.stem)
def test_issue_forms(form):
    f = yaml.safe_load(form.read_text())
    if form.stem == 'config': assert f['blank_issues_enabled'] and all(c['url'].startswith('https://') for c in f['contact_links'])
    else:
        assert f['name'] and f['description'] and f['body']
        ids = [b['id'] for b in f['body'] if b['type'] != 'markdown']
        assert len(set(ids)) == len(ids) and all(b['attributes']['label'] for b in f['body'])

# --- Pythons ---
def sources(): return [*LIB.glob('*.py'), *LIB.glob('*.pyi'), ROOT/'setup.py', *(ROOT/'tests').rglob('*.py'), *SAMPLES.glob('*.py')]
@pytest.mark.parametrize('minor', [10, 11, 12, 13])
def test_grammar(minor):
    "This Python parses every file as an older one would"
    if minor > sys.version_info[1]: pytest.skip(f'this is Python 3.{sys.version_info[1]}')
    for f in sources(): ast.parse(f.read_text(encoding='utf-8'), f.name, feature_version=(3, minor))

LATER = {(3, 11): ['tomllib', 'ExceptionGroup', 'datetime.UTC', 'asyncio.TaskGroup', 'typing.Self', 'enum.StrEnum', 'hashlib.file_digest'],
         (3, 12): ['itertools.batched', 'typing.override', 'Path.walk']}
def test_names_that_are_newer_than_the_oldest_python():
    "What the grammar does not show; tomllib is imported where it exists, else tomli"
    for f in LIB.glob('*.py'):
        text = f.read_text(encoding='utf-8')
        for n in sum(LATER.values(), []):
            if n != 'tomllib': assert not re.search(rf'\b{re.escape(n)}\b', text), (f.name, n)
        if 'import tomllib' in text: assert 'import tomli as tomllib' in text

# --- types ---
def test_stubs_are_what_the_modules_make(dists):
    r = run([sys.executable, ROOT/'tests'/'tools'/'stubs.py', '--check'])
    assert r.returncode == 0, r.text
    names = set(zipfile.ZipFile(dists[0]).namelist())
    assert 'qualiteacher/py.typed' in names and {f'qualiteacher/{m}.pyi' for m in tool_modules()} <= names

def tool_modules(): return [m.stem for m in LIB.glob('*.py') if not m.name.startswith('_')]

def test_a_stub_says_what_a_checker_cannot_see(tmp_path):
    (tmp_path/'toy.py').write_text('''
from torch import nn
from fastcore.basics import patch
class Net(nn.Module):
    "A network"
    SIZES = {'small': 3}
    def __init__(self, net:nn.Module, width:int=None): self.net,self.width,self._secret = net,width or 3,0
    @classmethod
    def small(cls): return cls(nn.Identity(), 1)
@patch
def grow(self:Net, by:float=2.): self.width *= by
@patch(as_prop=True)
def size(self:Net)->int: return self.width
def make(width:int=None, *, big=False)->Net: return Net(nn.Identity())
LIMIT,_HIDDEN = 3,4
''')
    made = tool('stubs').stub(tmp_path/'toy.py')
    for line in ('width: Any', 'net: nn.Module', 'SIZES: dict', 'def __init__(self, net: nn.Module, width: int | None=None) -> None:', 'LIMIT: int',
                 '@property\n    def size(self) -> int:', 'def grow(self, by: float=2.0) -> None:', 'def small(cls) -> Net:',
                 'def make(width: int | None=None, *, big=False) -> Net:', 'from torch import nn', 'class Net(nn.Module):'):
        assert line in made, f'{line}\n---\n{made}'
    assert '_secret' not in made and '_HIDDEN' not in made and 'fastcore' not in made and made.count('def grow') == 1

@needs('mypy')
def test_a_checker_accepts_the_public_names_and_finds_mistakes(installed, tmp_path):
    "Of the installed wheel: the types come with it"
    files = [shutil.copy(f, tmp_path) for f in sorted((ROOT/'tests'/'types').glob('*.py'))]
    r = run([sys.executable, '-m', 'mypy', '--strict', '--python-executable', installed, '--cache-dir', tmp_path/'cache', *files],
            cwd=tmp_path, timeout=600)
    found = {(m[1], int(m[2])) for m in re.finditer(r'(\w+\.py):(\d+): error', r.stdout)}
    wrong = (tmp_path/'wrong.py').read_text().splitlines()
    assert found == {('wrong.py', i) for i, l in enumerate(wrong, 1) if '# wrong' in l} and len(found) >= 9, r.text

# --- without pyiqa ---
HIDDEN = 'import sys; sys.modules["pyiqa"] = None\n'          # as if it were not there
def test_restore_and_score_without_pyiqa(installed, tmp_path):
    code = HIDDEN + f'''
import qualiteacher, torch
from qualiteacher.images import load_image, sample_paths
from qualiteacher.inference import restore, shipped_student
from qualiteacher.iqa import IQAEnsemble
x = load_image(sample_paths("lowlight")[0], 128)
y = restore(shipped_student()[0], x)
print(y.shape == x.shape, y.mean().item() > x.mean().item(), 0 < IQAEnsemble.preset("offline").score(y[None]).total.item() < 1)'''
    r = run([installed, '-c', code], cwd=tmp_path)
    assert r.stdout.split() == ['True']*3, r.text

def test_the_demo_says_at_once_that_it_needs_pyiqa(installed, tmp_path):
    r = run([installed, '-c', HIDDEN + 'from qualiteacher.cli import main; sys.exit(main(["demo"]))'], cwd=tmp_path)
    assert r.returncode == 1 and 'pip install pyiqa' in r.stderr and 'Traceback' not in r.text and not (tmp_path/'runs').exists(), r.text

def test_the_recipe_for_a_smaller_installation(installed, tmp_path):
    "The line of CONTRIBUTING, run as it stands, names all that is needed but pyiqa"
    line, = re.findall(r'^python (-c .*) > needs\.txt$', (ROOT/'CONTRIBUTING.md').read_text(), re.M)
    r = run(['bash', '-c', f'"{installed}" {line}'], cwd=tmp_path)
    assert r.returncode == 0, r.text
    named = [Requirement(l) for l in r.stdout.splitlines()]
    here = {norm(n.name) for n in named if n.marker is None or n.marker.evaluate()}
    assert here == requirements() - {'pyiqa'}
