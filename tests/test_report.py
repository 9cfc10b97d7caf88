"""The pages that this project writes: words for every picture, nothing fetched, small; and, in a browser, by day and by night,
on a desk and on a phone, with a slider and a vote that work.

The browser tests need playwright and a Chromium, see CONTRIBUTING.  Screenshots: QUALITEACHER_SHOTS=folder.
"""
import csv, io, json, os, re
from html.parser import HTMLParser
from pathlib import Path
import pytest, torch
from qualiteacher.demo import (LIMIT, LOOKS, VOTES, before_after, coin_chance, fit_page, on_page, page_html, vote_html,
                               write_evaluation, write_page)
from qualiteacher.inference import evaluate
from test_browser import FLAGS, chromium, sync_playwright

class Page(HTMLParser):
    "What a test wants to know about a page"
    VOID = {'img', 'input', 'meta', 'br'}
    def __init__(self, text):
        super().__init__()
        self.tags, self.open, self.wrong, self.ids, self.inside = [], [], [], [], {}
        self.feed(text); self.close()
        self.wrong += self.open
    def handle_starttag(self, tag, attrs):
        a = dict(attrs)
        self.tags.append((tag, a)); self.ids += [a['id']] if 'id' in a else []
        if tag not in self.VOID: self.open.append(tag)
    def handle_endtag(self, tag):
        if not self.open or self.open.pop() != tag: self.wrong.append(tag)
    def all(self, tag): return [a for t, a in self.tags if t == tag]

def check(text):
    "What holds for any page"
    p = Page(text)
    assert not p.wrong, f'tags that do not match: {p.wrong[:5]}'
    assert len(set(p.ids)) == len(p.ids)
    assert all(a.get('alt', '').strip() for a in p.all('img')), 'each picture has words'
    assert all(a.get('aria-label') for a in p.all('input')) and all(a.get('aria-label') for t, a in p.tags if a.get('role') == 'region')
    for a in (a for _, a in p.tags):
        for k in ('src', 'href', 'srcset', 'data', 'action', 'poster'):
            assert k not in a or a[k].startswith(('data:', '#')), f'{k}={a[k][:80]}'
    assert not re.search(r'https?://|url\(|@import', text), 'nothing is fetched'
    assert p.tags[0][0] == 'html' and p.tags[0][1]['lang'] == 'en' and len(p.all('h1')) == 1
    assert any(m.get('name') == 'viewport' for m in p.all('meta')) and 'prefers-color-scheme:dark' in text
    assert all(a['href'][1:] in p.ids for a in p.all('a'))
    assert len(text.encode()) < LIMIT <= 3e6
    return p

def picture(i, h=64, w=96): return torch.rand(3, h, w, generator=torch.Generator().manual_seed(i))/2
NASTY = 'a"b<i>&\'</script> é 夜.jpg'
METHODS = {'input': lambda x: x, 'base': lambda x: x**.8, 'ours "7" & <co>': lambda x: x**.5}
TABLE = {n: {'score': (.5, .01), 'psnr': (17.25, .5)} for n in METHODS}

@pytest.fixture(scope='module')
def evaluation(tmp_path_factory):
    "Eight photographs, the first with a name that wants to break out"
    xs = [picture(i, 64+8*(i % 3), 96) for i in range(8)]
    f = tmp_path_factory.mktemp('page')/'deep'/'evaluate.html'
    return write_evaluation(f, TABLE, METHODS, xs, [NASTY, *(f'night {i}' for i in range(1, 8))], truth=[x**.4 for x in xs])

def test_the_evaluation_page(evaluation):
    p = check(text := evaluation.read_text(encoding='utf-8'))
    alts = [a['alt'] for a in p.all('img')]
    assert f'{NASTY}, base' in alts and f'{NASTY}, truth' in alts and len([a for a in alts if a.startswith('night 3, ')]) == 4
    assert [i for i in p.ids if re.fullmatch(r'p\d-\d', i)] and {f'p{i}-{k}' for i in range(8) for k in (0, 1)} <= set(p.ids)
    data = json.loads(re.search(r'id="vote-data">(.*?)</script>', text)[1])
    assert data['names'][0] == NASTY and data['methods'] == ['base', 'ours "7" & <co>'] and data['columns'] == list(VOTES)
    assert '17.250 <small>&plusmn;0.500</small>' in text
    vote, named = text.index('id="ballot"'), text.index('<details id="named">')
    assert vote < named < text.index('night 1, base') and '<details id="named" open' not in text, 'names come after the vote'

@pytest.mark.parametrize('n,h,w,most', [(1, 40, 40, 12), (3, 900, 1400, 12), (30, 300, 400, 24)])
def test_pictures_shrink_until_the_page_is_small(tmp_path, n, h, w, most):
    "Noise is what JPEG likes least"
    xs = [picture(i, h, w) for i in range(min(n, 3))]*-(-n//3)
    f = write_evaluation(tmp_path/'e.html', TABLE, METHODS, xs[:n], [str(i) for i in range(n)], most=most)
    assert f.stat().st_size < LIMIT
    assert len(set(re.findall(r'id="p(\d+)-0"', f.read_text()))) == min(n, most)

def shown(text): return len(set(re.findall(r'id="p(\d+)-0"', text)))

def test_many_methods_on_large_grainy_photographs(tmp_path):
    "Thirty answers to panoramas of noise: smaller, coarser and fewer, and the page says so"
    xs, many = [picture(i, 128, 800) for i in range(2)]*20, {f'method {i}': METHODS['base'] for i in range(30)}
    f = write_evaluation(tmp_path/'e.html', {n: {'score': (.5, .01)} for n in many}, many, xs, [str(i) for i in range(40)], most=6)
    check(text := f.read_text())
    said = re.search(r'(\d+) of 40 photographs are shown, evenly spaced\. .*? at most (\d+) px on the short side, at JPEG quality (\d+)\.', text)
    assert said and int(said[1]) == shown(text) < 6 and (int(said[2]), int(said[3])) in LOOKS
    names = json.loads(re.search(r'id="vote-data">(.*?)</script>', text)[1])['names']
    assert len(names) == shown(text) and set(names) <= {str(i) for i in on_page(40, 6)}, 'the vote has what is shown'

def test_a_page_that_fits_says_nothing_about_it(evaluation):
    assert 'photographs are shown' not in evaluation.read_text() and 'JPEG quality' not in evaluation.read_text()

@pytest.mark.parametrize('n', [1, 2, 7, 100])
def test_steps_go_down_until_the_page_fits(n):
    "Sizes first, then half of the photographs; both ends stay as long as there are two"
    tried = []
    def make(photos, look): tried.append((len(photos), look)); return [('', 'x'*(LIMIT//20*look[0]//96*len(photos)))]
    parts = fit_page('', make, list(range(n)))
    assert len(page_html('', parts).encode()) < LIMIT
    assert [look for k, look in tried if k == n] == list(LOOKS[:len([1 for k, _ in tried if k == n])])
    counts = list(dict.fromkeys(k for k, _ in tried))
    assert counts == [n//2**i for i in range(len(counts))]

def test_what_measuring_made_is_shown_and_not_made_again(tmp_path):
    "Each method is asked once for each photograph, and the page is the one that would have come of a second time"
    xs, asked = [picture(i) for i in range(5)], []
    models = {n: (lambda x, n=n, f=f: (asked.append(n), f(x))[1]) for n, f in METHODS.items()}
    keep = {i: {} for i in on_page(5, 3)}
    table = evaluate(models, xs, None, measures={'mean': lambda y, t: y.mean((1, 2, 3))}, keep=keep)
    assert list(keep) == [0, 2, 4] and len(asked) == 15 and all(y.dtype == torch.uint8 for k in keep.values() for y in k.values())
    names = [str(i) for i in range(5)]
    once = write_evaluation(tmp_path/'a.html', table, models, xs, names, most=3, answers=keep).read_text()
    assert len(asked) == 15
    assert once == write_evaluation(tmp_path/'b.html', table, models, xs, names, most=3).read_text() and len(asked) == 24

def test_a_page_that_is_too_large_is_refused_and_not_written(tmp_path):
    with pytest.raises(ValueError, match='fewer or smaller'): write_page(tmp_path/'a.html', 'a', [('b', 'c'*LIMIT)])
    assert not list(tmp_path.iterdir())

@pytest.mark.parametrize('kw,says', [(dict(names=['a']), 'names'), (dict(images=[], names=[]), 'names'), (dict(versus=('base', 'base')), 'versus'),
                                     (dict(versus=('base', 'theirs')), 'versus'), (dict(models={'input': METHODS['input']}), 'versus')])
def test_wrong_arguments(tmp_path, kw, says):
    a = dict(table=TABLE, models=METHODS, images=[picture(0), picture(1)], names=['a', 'b'])
    with pytest.raises(ValueError, match=says): write_evaluation(tmp_path/'e.html', **{**a, **kw})
    assert not list(tmp_path.iterdir())

def test_networks_are_asked_as_in_evaluate(tmp_path):
    net = torch.nn.Conv2d(3, 3, 1)
    f = write_evaluation(tmp_path/'e.html', {'net': {}}, {'input': lambda x: x, 'net': net}, [picture(0)], ['a'])
    p = check(f.read_text())
    assert {'p0-0', 'p0-1'} <= set(p.ids) and net.training, 'the two are compared, and the network is left as it was'

def test_slider_and_vote_speak():
    text = before_after(picture(0), picture(1), ('in "put"', '<7>'), NASTY)
    p = Page(text)
    assert [a['alt'] for a in p.all('img')] == [f'{NASTY}, in "put"', f'{NASTY}, <7>'] and p.all('input')[0]['type'] == 'range'
    with pytest.raises(ValueError, match='after'): before_after(picture(0), picture(0, 65), ('a', 'b'), 'c')
    assert [a.get('data-vote') for a in Page(vote_html(['a'], ('b', 'c'))).all('button')][:3] == ['left', 'none', 'right']

def test_demo_report(tmp_path):
    "Its parts, put together without a training run: the run itself is tested with the command line"
    from qualiteacher import demo
    strip = demo._strip({'level 0': picture(0), 'level 7': picture(1)}, 'the dial')
    photo = demo._photo('park_at_dusk', {'input': picture(0), 'base': picture(1), 'average at 7': picture(2)})
    f = write_page(tmp_path/'r.html', 'demo', [('', demo._para('x')), ('Dial', strip), ('Photos', demo._grid([photo])),
                                              ('Photographs', demo._credits({'park_at_dusk', 'not ours'}))])
    p = check(text := f.read_text())
    assert len(p.all('img')) == 2+2+3 and 'Simon Steinberger' in text and text.count('<li>') == 1

def test_a_report_of_many_panoramas_fits(tmp_path):
    "Not refused after the run is over: its photographs are smaller, coarser or fewer, and it says so"
    from qualiteacher import demo
    shown = [(f'photo {i}', {n: picture(i, 288, 1600) for n in ('input', 'base', 'average at 7')}) for i in range(12)]
    title, make = 'qualiteacher demo', lambda some, look: [('', 'x'), ('Real', demo._photos(some, 40, look))]
    with pytest.raises(ValueError, match='fewer or smaller'): write_page(tmp_path/'a.html', title, make(shown, LOOKS[0]))
    text = write_page(tmp_path/'r.html', title, fit_page(title, make, shown)).read_text()
    check(text)
    assert re.search(r'\d+ of 40 photographs are shown, evenly spaced\. To keep this page below 3 MB', text)

# --- in a browser ---
@pytest.fixture(scope='module')
def browser():
    if sync_playwright is None: pytest.skip('the Python package playwright is missing: pip install playwright')
    if not chromium(): pytest.skip('no Chromium: apt-get install chromium, or set QUALITEACHER_CHROMIUM')
    with sync_playwright() as p:
        b = p.chromium.launch(executable_path=chromium(), headless=True, args=FLAGS)
        yield b
        b.close()

def opened(browser, file, width=1300, height=1000, scheme='light'):
    c = browser.new_context(viewport={'width': width, 'height': height}, color_scheme=scheme, is_mobile=width < 500, has_touch=width < 500,
                            accept_downloads=True)
    page = c.new_page()
    page.set_default_timeout(20_000)
    page.said = []
    page.on('pageerror', lambda e: page.said.append(str(e)))
    page.on('console', lambda m: page.said.append(m.text) if m.type in ('error', 'warning') else None)
    page.on('request', lambda r: None if r.url.startswith(('data:', 'blob:', 'file:')) else page.said.append(r.url))
    page.goto(file.as_uri())
    return page

def shot(page, name, tmp_path):
    d = Path(os.environ.get('QUALITEACHER_SHOTS') or tmp_path)
    d.mkdir(parents=True, exist_ok=True)
    page.screenshot(path=d/f'{name}.png', full_page=True)

LIGHT = "e => getComputedStyle(e).backgroundColor.match(/\\d+/g).slice(0, 3).reduce((a, b) => a + +b, 0)/765"
def share_of(page, selector): return page.eval_on_selector(selector, LIGHT)

@pytest.mark.slow
@pytest.mark.parametrize('scheme', ['light', 'dark'])
@pytest.mark.parametrize('width,height', [(1300, 1000), (390, 844)])
def test_fits_a_desk_and_a_phone_by_day_and_by_night(browser, evaluation, tmp_path, width, height, scheme):
    page = opened(browser, evaluation, width, height, scheme)
    page.evaluate("document.getElementById('named').open = true")
    assert (share_of(page, 'body') > .9) == (scheme == 'light') and (share_of(page, 'body') < .2) == (scheme == 'dark')
    assert page.evaluate('document.documentElement.scrollWidth') <= width, 'no sideways scrolling of the page'
    assert page.evaluate("[...document.images].every(i => i.complete && i.naturalWidth > 0)")
    sizes = page.evaluate("[...document.querySelectorAll('button')].filter(b => b.offsetParent).map(b => b.getBoundingClientRect().height)")
    assert sizes and min(sizes) >= 32, 'large enough for a thumb'
    shot(page, f'evaluate_{width}_{scheme}', tmp_path)
    assert page.said == []

@pytest.mark.slow
def test_the_slider_moves_the_border(browser, evaluation):
    page = opened(browser, evaluation)
    page.evaluate("document.getElementById('named').open = true")
    slider = page.locator('.compare input').first
    clip = lambda: page.eval_on_selector('.compare .over', 'e => getComputedStyle(e).clipPath')
    assert '50%' in clip()
    slider.focus(); page.keyboard.press('End')
    assert '100%' in clip()
    page.keyboard.press('Home')
    assert '100%' not in clip() and '50%' not in clip() and page.said == []

@pytest.mark.slow
def test_a_vote_is_blind_and_counted(browser, evaluation, tmp_path):
    "By keys and buttons; the table that comes out says who was where, and the right one is named as the winner"
    page = opened(browser, evaluation)
    where, sides = page.evaluate("Object.fromEntries([...document.querySelectorAll('[id^=p]')].filter(e => e.tagName == 'IMG').map(e => [e.src, e.id]))"), []
    for i, (press, click) in enumerate([('1', None), ('3', None), ('2', None), (None, 'left'), (None, 'right'), ('1', None), ('1', None), ('3', None)]):
        assert page.inner_text('#vote-count') == f'Photograph {i+1} of 8'
        assert not re.search('base|ours|night', page.inner_text('#ballot') + page.eval_on_selector('#vote-left', 'e => e.alt')), 'no name is seen'
        assert not page.is_visible('#votes') and not page.evaluate("document.getElementById('named').open")
        sides.append([where[page.eval_on_selector(f'#vote-{s}', 'e => e.src')] for s in ('left', 'right')])
        page.keyboard.press(press) if press else page.click(f'[data-vote={click}]')
    assert page.is_visible('#votes') and not page.is_visible('#ballot')
    with page.expect_download() as d: page.click('#vote-csv')
    d.value.save_as(tmp_path/'votes.csv')
    head, *rows = csv.reader(io.StringIO((tmp_path/'votes.csv').read_text(encoding='utf-8')))
    assert tuple(head) == VOTES and len(rows) == 8 and {r[0] for r in rows} == {NASTY, *(f'night {i}' for i in range(1, 8))}
    names, methods = [NASTY, *(f'night {i}' for i in range(1, 8))], ['base', 'ours "7" & <co>']
    for (left, right), (photo, l, r, vote, winner, seconds), voted in zip(sides, rows, 'left right none left right left left right'.split()):
        for shown, m in ((left, l), (right, r)): assert shown == f'p{names.index(photo)}-{methods.index(m)}'
        assert vote == voted and winner == {'left': l, 'right': r, 'none': ''}[voted] and float(seconds) >= 0
    won = [sum(r[4] == m for r in rows) for m in methods]
    said = page.inner_text('#vote-result')
    assert f'base: {won[0]}, ' in said and 'no difference: 1' in said and f'{100*coin_chance(*won):.1f} %' in said
    page.click('#vote-again')
    assert page.inner_text('#vote-count') == 'Photograph 1 of 8' and page.said == []

@pytest.mark.slow
def test_sides_and_order_are_random(browser, evaluation):
    page = opened(browser, evaluation)
    seen = set()
    for _ in range(8):
        page.keyboard.press('1'); page.click('#vote-stop')
        seen.add(tuple(page.locator('#vote-rows tr td').all_inner_texts()[:2]))
        page.click('#vote-again')
    assert len({n for n, _ in seen}) > 1 and len({m for _, m in seen}) > 1     # by chance alike: 2 in 2^8 for the sides
