"""The explorers in a real browser: JupyterLab on a copy of the notebooks, opened in headless Chromium.

Needs the Python package playwright and a Chromium (`apt-get install chromium`, or QUALITEACHER_CHROMIUM=/path/to/it; no
`playwright install`).  Screenshots go to a temporary folder, or to QUALITEACHER_SHOTS.
"""
import json, os, shutil, socket, subprocess, sys, time, urllib.request
from pathlib import Path
from types import SimpleNamespace
import nbformat, pytest
from conftest import NBS, clean_env

def chromium():
    names = ('chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable')
    return os.environ.get('QUALITEACHER_CHROMIUM') or next(filter(None, map(shutil.which, names)), None)

try: from playwright.sync_api import TimeoutError, sync_playwright
except ImportError: sync_playwright = None
try: import jupyterlab
except ImportError: jupyterlab = None

pytestmark = [
    pytest.mark.skipif(sync_playwright is None, reason='the Python package playwright is missing: pip install playwright'),
    pytest.mark.skipif(jupyterlab is None, reason='jupyterlab is missing: pip install jupyterlab'),
    pytest.mark.skipif(not chromium(), reason='no Chromium: apt-get install chromium, or set QUALITEACHER_CHROMIUM')]

FLAGS = ['--no-sandbox', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
         '--disable-component-update', '--disable-sync']
SETTINGS = {'apputils-extension/notification': {'fetchNews': 'false', 'checkForUpdates': False},
            'docmanager-extension/plugin': {'autosave': False},
            'notebook-extension/tracker': {'windowingMode': 'none'}}        # all cells are in the page, seen or not

@pytest.fixture(scope='module')
def shots(tmp_path_factory):
    d = Path(os.environ.get('QUALITEACHER_SHOTS') or tmp_path_factory.mktemp('shots'))
    d.mkdir(parents=True, exist_ok=True)
    return d

def smoke_notebook():
    "Two explorers that are quick to make, one of them on a run that is written here"
    sources = ['import json\nfrom pathlib import Path\nfrom qualiteacher.explorer import explore_preference, explore_run',
               "run = Path('toy-run'); run.mkdir(exist_ok=True)\n"
               "rows = [dict(step=s, total=1/(s+1), levels=[s%8]) for s in range(50)]\n"
               "(run/'log.jsonl').write_text(''.join(json.dumps(r)+'\\n' for r in rows));",
               "explore_run(run, seconds=1)", "explore_preference('data')"]
    return nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(s) for s in sources],
                                    metadata={'kernelspec': {'name': 'python3', 'display_name': 'python3', 'language': 'python'}})

@pytest.fixture(scope='module')
def lab(tmp_path_factory):
    "A JupyterLab whose notebooks are a copy: .url and .root"
    tmp = tmp_path_factory.mktemp('lab')
    shutil.copytree(NBS, tmp/'nbs', ignore=shutil.ignore_patterns('.ipynb_checkpoints', '__pycache__'))
    for fn in (tmp/'nbs').rglob('*.ipynb'):                      # exporting needs the project around the notebooks
        nb = nbformat.read(fn, 4)
        nb.cells = [c for c in nb.cells if 'nbdev_export()' not in c.source]
        nbformat.write(nb, fn)
    nbformat.write(smoke_notebook(), tmp/'nbs'/'smoke.ipynb')
    for name, value in SETTINGS.items():
        f = tmp/'settings'/'@jupyterlab'/f'{name}.jupyterlab-settings'
        f.parent.mkdir(parents=True, exist_ok=True)
        f.write_text(json.dumps(value))
    spec = tmp/'data'/'kernels'/'python3'/'kernel.json'          # this Python, whatever else is installed
    spec.parent.mkdir(parents=True)
    spec.write_text(json.dumps({'argv': [sys.executable, '-m', 'ipykernel_launcher', '-f', '{connection_file}'],
                                'display_name': 'python3', 'language': 'python'}))
    share = Path(jupyterlab.__file__).parents[4]/'share'/'jupyter'     # beside the package, also when that is borrowed
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); port = s.getsockname()[1]
    env = clean_env(JUPYTER_CONFIG_DIR=str(tmp/'config'), JUPYTERLAB_SETTINGS_DIR=str(tmp/'settings'), JUPYTER_DATA_DIR=str(tmp/'own'),
                    JUPYTERLAB_WORKSPACES_DIR=str(tmp/'workspaces'), JUPYTER_PATH=f'{tmp/"data"}{os.pathsep}{share}',
                    JUPYTERLAB_DIR=str(share/'lab'), JUPYTER_RUNTIME_DIR=str(tmp/'runtime'), QUALITEACHER_SMOKE='1')
    env.pop('MPLBACKEND')                                        # the kernel chooses the inline one
    log = (tmp/'lab.log').open('w')
    server = subprocess.Popen([sys.executable, '-m', 'jupyterlab', '--ip', '127.0.0.1', '--port', str(port), '--no-browser', '--allow-root',
                               '--IdentityProvider.token=', f'--ServerApp.root_dir={tmp/"nbs"}', '--LabApp.expose_app_in_browser=True'],
                              env=env, stdout=log, stderr=log, cwd=tmp)
    url = f'http://127.0.0.1:{port}'
    try:
        for _ in range(240):
            assert server.poll() is None, (tmp/'lab.log').read_text()[-3000:]
            try: urllib.request.urlopen(f'{url}/api', timeout=5); break
            except OSError: time.sleep(.25)
        else: pytest.fail('JupyterLab did not start:\n' + (tmp/'lab.log').read_text()[-3000:])
        yield SimpleNamespace(url=url, root=tmp/'nbs')
    finally:
        server.terminate()
        try: server.wait(20)
        except subprocess.TimeoutExpired: server.kill()

@pytest.fixture
def page(tmp_path):
    with sync_playwright() as p:
        browser = p.chromium.launch_persistent_context(str(tmp_path/'profile'), executable_path=chromium(), headless=True, args=FLAGS,
                                                       viewport={'width': 1400, 'height': 1000})
        page = browser.pages[0]
        page.set_default_timeout(60_000)
        page.errors = []
        page.on('pageerror', lambda e: page.errors.append(str(e)))
        yield page
        browser.close()

READY = '''() => { const s = window.jupyterapp?.shell.currentWidget?.sessionContext
    return s && s.isReady && s.session?.kernel?.status === 'idle' }'''
RUN_ALL = '''() => { window._ran = null
    window.jupyterapp.commands.execute('notebook:run-all-cells').then(r => { window._ran = [r] }, e => { window._ran = [String(e)] }) }'''
ERRORS = '''() => { const found = []
    for (const c of window.jupyterapp.shell.currentWidget.content.model.cells)
        for (const o of (c.type === 'code' ? c.sharedModel.outputs : []))
            if (o.output_type === 'error') found.push(c.sharedModel.getSource().slice(0, 200) + '\\n' + o.ename + ': ' + o.evalue)
    return found }'''

def run_all(page, url, notebook, seconds, shots):
    "Open a notebook, run all its cells (JupyterLab runs `eval: false` too), and see that none fails"
    page.goto(f'{url}/lab/tree/{notebook}?reset')
    page.locator('.jp-NotebookPanel .jp-Notebook .jp-Cell').first.wait_for()
    page.wait_for_function(READY, timeout=120_000)       # sooner, and JupyterLab asks which kernel to use
    page.evaluate(RUN_ALL)
    try: page.wait_for_function('() => window._ran', timeout=1000*seconds)
    except TimeoutError:
        page.screenshot(path=shots/'timeout.png')
        raise
    assert page.evaluate(ERRORS) == []

def explorer(page, look):
    "The panel with these words of what to look for, its picture loaded"
    box = page.locator('.jp-Notebook .widget-vbox', has=page.locator('.widget-html', has_text=look)).last
    box.scroll_into_view_if_needed()
    loaded(page, box)
    return box

def picture(box): return box.locator('img').first
def loaded(page, box, not_src=None):
    "Wait until the picture is there, and is not the one of before"
    img = picture(box).element_handle()
    page.wait_for_function('([i, old]) => i.complete && i.naturalWidth > 100 && i.src !== old', arg=[img, not_src])
    return picture(box).get_attribute('src')

def control(box, label): return box.locator('.widget-inline-hbox', has=box.page.locator('.widget-label', has_text=label)).first

def move(page, box, label, key):
    "One key on a slider; returns the seconds until the picture was another one"
    before = picture(box).get_attribute('src')
    handle = control(box, label).locator('.noUi-handle').first
    handle.scroll_into_view_if_needed(); handle.focus()
    start = time.time()
    page.keyboard.press(key)
    loaded(page, box, before)
    return time.time() - start

def fits(box):
    "Nothing sticks out of the notebook to the right, and the letters of the controls are all there"
    return box.evaluate('''b => { const right = b.closest('.jp-OutputArea-output').getBoundingClientRect().right
        return [...b.querySelectorAll('*')].filter(e => e.getBoundingClientRect().right > right + 2).map(e => e.className) }''')

def test_a_slider_moves_a_picture(lab, page, shots):
    "The quick one: two explorers, one move each, and a dashboard that follows a run while it is written"
    run_all(page, lab.url, 'smoke.ipynb', 120, shots)
    box = explorer(page, 'Does one term take all')
    assert move(page, box, 'average over', 'ArrowLeft') < 20
    page.screenshot(path=shots/'smoke.png')
    before = picture(box).get_attribute('src')
    box.locator('.widget-checkbox', has_text='follow').locator('input').check()
    with (lab.root/'toy-run'/'log.jsonl').open('a') as f: f.write('{"step": 50, "total": 0.9, "levels": [7]}\n{"step": 51, "to')
    loaded(page, box, before)
    box.locator('.widget-checkbox', has_text='follow').locator('input').uncheck()
    box = explorer(page, 'more reward, up is better')
    move(page, box, 'weight', 'ArrowRight')
    assert fits(box) == []
    box.screenshot(path=shots/'smoke_preference.png')
    assert page.errors == []

# words of the panel, the slider that is moved, the key
MOVES = [('what changes first', 'level', 'ArrowRight'), ('four of them are the same', 'gain', 'ArrowRight'),
         ('a good judge falls', 'severity', 'ArrowRight'), ('crosses are dropped', 'keep this share', 'ArrowLeft'),
         ('more reward, up is better', 'weight', 'ArrowRight'), ('the judge that is climbed', 'step', 'ArrowLeft'),
         ('levels 1, 3, 5 and 6', 'level', 'ArrowRight')]

@pytest.mark.slow
def test_every_explorer(lab, page, shots, record_property):
    run_all(page, lab.url, '12_explorer.ipynb', 900, shots)
    seconds = {}
    for look, label, key in MOVES:
        box = explorer(page, look)
        seconds[look] = min(move(page, box, label, k) for k in (key, 'ArrowLeft' if key == 'ArrowRight' else 'ArrowRight', key))
        assert fits(box) == [], look
        box.screenshot(path=shots/f'explorer_{look.split()[0]}_{label.split()[0]}.png')
    box = page.locator('.jp-Notebook .widget-vbox', has=page.locator('.widget-html', has_text='Does one term take all')).last
    box.scroll_into_view_if_needed()
    assert 'expected a run with a log.jsonl' in box.inner_text()           # no run lies there: a sentence, and no traceback
    box.screenshot(path=shots/'explorer_no_run.png')
    assert page.errors == []
    record_property('measured', 'browser, seconds from key to picture: ' + ', '.join(f'{k} {v:.2f}' for k, v in seconds.items()))

@pytest.mark.slow
def test_the_opening_lesson(lab, page, shots):
    run_all(page, lab.url, 'lessons/01_what_is_a_pseudo_label.ipynb', 900, shots)
    box = explorer(page, 'four of them are the same')
    before = picture(box).get_attribute('src')
    box.locator('.widget-checkbox', has_text='show the truth').locator('input').check()
    loaded(page, box, before)
    move(page, box, 'keep the best', 'ArrowRight')
    assert fits(box) == []
    box.screenshot(path=shots/'lesson_candidates.png')
    figures = page.locator('.jp-Notebook .jp-RenderedImage img')
    for i in range(figures.count()):
        figures.nth(i).scroll_into_view_if_needed()
        page.screenshot(path=shots/f'lesson_{i}.png')
    assert figures.count() >= 5 and page.errors == []
