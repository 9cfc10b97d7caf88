"""The notebooks as a web site, built without network:   python tests/tools/pages.py [OUT]   (OUT: _docs)
Then open OUT/index.html.  Needs mkdocs and mkdocs-material.  What is shown are the stored outputs: nothing is run."""
import argparse, base64, hashlib, html, io, json, os, re, shutil, subprocess, sys
from configparser import ConfigParser
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urldefrag

root = Path(__file__).resolve().parents[2]
NBS = root/'nbs'
IMAGES = {'image/png': 'png', 'image/jpeg': 'jpg', 'image/svg+xml': 'svg', 'image/gif': 'gif'}

CSS = '''
.md-grid { max-width: 74rem }
.md-typeset img.figure { display: block; max-width: 100%; margin: .6em 0; background: #fff }
.md-typeset img.math { vertical-align: middle; margin: 0 .1em }
.md-typeset .output { border-left: .2rem solid #bbb; padding-left: .6rem; margin: -.4em 0 1em; overflow-x: auto }
.md-typeset .output pre > code { background: transparent; font-size: .68rem; padding: .2em 0 }
.md-typeset pre > code { font-size: .66rem }
@media (min-width: 76.25em) { .md-typeset pre > code, .md-typeset .output pre > code { font-size: .6rem } }
@media (max-width: 44em) {
  .md-typeset p:has(> img.figure) { overflow-x: auto }
  .md-typeset img.figure { max-width: none; width: 36rem }
}
.md-typeset .kind { font-size: .7rem; border-radius: .3rem; padding: .15rem .5rem; color: #fff; background: #455a64 }
.md-typeset .kind.lesson { background: #00796b }
.md-typeset table:not([class]) { font-size: .7rem }
'''

# Browsers start no worker from a file on disk, and the search needs one.  From disk, this runs the worker's script in
# a hidden frame instead.  The theme would fetch something like it from the network.
WORKER = '''
if (location.protocol === "file:") window.Worker = class extends EventTarget {
  constructor(url) {
    super(); this.early = []; this.ready = false;
    const frame = this.frame = document.createElement("iframe"); frame.hidden = true;
    const name = "worker" + Math.random().toString(36).slice(2);
    window[name] = data => {
      const e = new MessageEvent("message", {data});
      this.dispatchEvent(e); if (this.onmessage) this.onmessage(e);
    };
    frame.srcdoc = `<script>self.postMessage = d => parent["${name}"](d); self.importScripts = () => {}<\\/script>`
                 + `<script src="${new URL(url, location.href)}"><\\/script>`;
    frame.onload = () => { this.ready = true; this.early.forEach(d => this.postMessage(d)); };
    (document.body || document.documentElement).append(frame);
  }
  postMessage(data) {
    if (!this.ready) { this.early.push(data); return; }
    const w = this.frame.contentWindow, e = new w.MessageEvent("message", {data});
    w.dispatchEvent(e);
  }
  terminate() { this.frame.remove(); }
};
'''

def settings():
    cfg = ConfigParser(delimiters=['='])
    cfg.read(root/'settings.ini', encoding='utf-8')
    return cfg['DEFAULT']

def text(source): return source if isinstance(source, str) else ''.join(source)
def page_of(fn): return fn.relative_to(NBS).with_suffix('.md').as_posix()
def is_lesson(fn): return fn.parent.name == 'lessons'
def teaches(fn):
    "To teach from: a lesson, or a notebook that says so at its top; everything else is reference"
    first = json.loads(fn.read_text(encoding='utf-8'))['cells'][0]
    return is_lesson(fn) or '*Lesson material' in text(first['source'])

def notebooks():
    "The start page, the lessons, the reference"
    found = [f for f in sorted(NBS.rglob('*.ipynb')) if not any(p[0] in '_.' for p in f.relative_to(NBS).parts)]
    return sorted(found, key=lambda f: (f.stem != 'index', not is_lesson(f), f.name))

# --- formulas ---
def plain_tex(tex):
    "What matplotlib does not know, written with what it knows"
    for a, b in ((r'\\(?:text|operatorname)\b', r'\\mathrm'), (r'\\[td]frac', r'\\frac'), (r'\\lVert|\\rVert', r'\\|'),
                 (r'\\[bB]igg?[lr]?(?![a-zA-Z])|\\[,;!]|\\q?quad', ' '), (r'\\mathrm\s+(\w)', r'\\mathrm{\1}'),
                 (r'([_^])(\\mathrm\{\w+\})', r'\1{\2}'), (r'\\frac\s*(\w)', r'\\frac{\1}'),
                 (r'(\\frac\{[^{}]*\})\s*(\w)', r'\1{\2}')):
        tex = re.sub(a, b, tex)
    return tex

def formula(tex, out, where):
    "A picture of a formula, as no script can be fetched to draw it; as text where matplotlib cannot"
    from matplotlib import mathtext, rcParams
    rcParams['svg.hashsalt'] = 'formula'     # the same file every time
    tex = ' '.join(tex.split())
    easy = plain_tex(tex)
    name = f'math/{hashlib.sha1(easy.encode()).hexdigest()[:12]}.svg'
    if not (out/name).exists():
        buffer = io.BytesIO()
        try: mathtext.math_to_image(f'${easy}$', buffer, format='svg', dpi=72)
        except ValueError: return f'<code>{html.escape(tex)}</code>'
        (out/'math').mkdir(exist_ok=True)
        (out/name).write_bytes(buffer.getvalue())
    w, h = (float(v) for v in re.search(r'width="([\d.]+)pt" height="([\d.]+)pt"', (out/name).read_text()).groups())
    return (f'<img class="math" src="{where}{name}" alt="{html.escape(tex)}" '
            f'style="width:{w/10.5:.2f}em;height:{h/10.5:.2f}em">')

# --- one notebook ---
def folded(title, block):
    "What unfolds by a click"
    return f'??? note "{title}"\n\n' + '\n'.join(f'    {l}'.rstrip() for l in block.splitlines())

class Page:
    "A notebook as a markdown page"
    def __init__(self, fn, out, pages):
        self.fn, self.out, self.pages, self.n = fn, out, pages, 0
        self.up = '../'*(len(fn.relative_to(NBS).parts) - 1)
        self.nb = json.loads(fn.read_text(encoding='utf-8'))

    def link(self, target):
        "Where a link of a notebook leads on the site: to a page, or to the repository"
        path, mark = urldefrag(target)
        if not path or re.match(r'[a-z]+:', target): return target
        for base in (self.fn.parent, root):     # the start page is written for the repository's root
            f = (base/unquote(path)).resolve()
            if not f.exists(): continue
            if f in self.pages: return os.path.relpath(self.out/self.pages[f], (self.out/page_of(self.fn)).parent) + (f'#{mark}' if mark else '')
            if f.is_relative_to(root): return f'{settings()["git_url"]}/blob/{settings()["branch"]}/{f.relative_to(root).as_posix()}'
        return target

    def prose(self, s):
        "Links, formulas and names of notebooks outside of code"
        stems = {f.stem: f for f in self.pages}
        def outside(part):
            part = re.sub(r'\]\(([^)\s]+)\)', lambda m: f']({self.link(m[1])})', part)
            part = re.sub(r'\$\$(.+?)\$\$', lambda m: f'\n\n{formula(m[1], self.out, self.up)}\n\n', part, flags=re.S)
            return re.sub(r'(?<![\\\w$])\$([^$\n]+?)\$(?![\w$])', lambda m: formula(m[1], self.out, self.up), part)
        def code(part):
            f = stems.get(part.strip('`'))
            return f'[{part}]({self.link(os.path.relpath(f, self.fn.parent))})' if f and f != self.fn else part
        parts = re.split(r'(```.*?```|`[^`\n]+`)', s, flags=re.S)
        return ''.join(code(p) if i % 2 and not p.startswith('```') else p if i % 2 else outside(p) for i, p in enumerate(parts))

    def shown(self, o):
        "One output as markdown"
        data = o.get('data', {})
        for kind, suffix in IMAGES.items():
            if kind not in data: continue
            self.n += 1
            name = f'figures/{self.fn.stem}_{self.n}.{suffix}'
            raw = text(data[kind])
            (self.out/name).parent.mkdir(exist_ok=True)
            (self.out/name).write_bytes(raw.encode() if suffix == 'svg' else base64.b64decode(raw))
            return f'<img class="figure" src="{self.up}{name}" alt="figure {self.n} of {self.fn.stem}" loading="lazy">'
        if any('widget' in k for k in data): return '*(In Jupyter there are sliders here. The figures around this place show what they show.)*'
        if 'text/markdown' in data: return self.prose(text(data['text/markdown']))
        if 'text/html' in data: return f'<div class="output">{text(data["text/html"])}</div>'
        plain = re.sub(r'\x1b\[[\d;]*m', '', text(o.get('text', data.get('text/plain', '')))).rstrip()
        if not plain or re.match(r'<(Figure|Axes|AxesSubplot)\b', plain): return ''
        return f'<div class="output" markdown>\n```text\n{plain}\n```\n</div>'

    def code(self, c):
        "Source and outputs; a solution is folded away below its stub"
        src = text(c['source'])
        flags = re.findall(r'^#\|\s*(.+?)\s*$', src, re.M)
        if 'hide' in flags or 'nbdev_export(' in src: return ''
        src = re.sub(r'^#\|.*\n?', '', src, flags=re.M).strip('\n')
        outputs = [self.shown(o) for o in c['outputs']]
        if 'echo: false' in flags or not src: return '\n\n'.join(outputs)
        block = f'```python\n{src}\n```'
        if 'code-fold: true' in flags: block = folded('Code of the figure', block)
        if flags and flags[0].startswith('exercise'):
            from qualiteacher.course import stubbed
            block = f'```python\n{stubbed(src)}\n```\n\n{folded("Solution", block)}'
        return '\n\n'.join([block, *outputs])

    def head(self):
        "What kind of page it is, and where its notebook is"
        cfg, rel = settings(), self.fn.relative_to(root).as_posix()
        path = re.sub(r'https?://github\.com/', '', cfg['git_url'])
        kind = 'lesson' if teaches(self.fn) else 'reference'
        return (f'<span class="kind {kind}">{kind}</span> &nbsp; [notebook]({cfg["git_url"]}/blob/{cfg["branch"]}/{rel}) · '
                f'[open in Colab](https://colab.research.google.com/github/{path}/blob/{cfg["branch"]}/{rel})')

    def markdown(self):
        out = []
        for i, c in enumerate(self.nb['cells']):
            s = self.prose(text(c['source'])) if c['cell_type'] == 'markdown' else self.code(c) if c['cell_type'] == 'code' else ''
            if i == 0 and self.fn.stem != 'index': s = re.sub(r'^(# .+)$', lambda m: f'{m[1]}\n\n{self.head()}', s, count=1, flags=re.M)
            if s.strip(): out.append(s.strip())
        return '\n\n'.join(out) + '\n'

    def question(self):
        "What the page answers, from its first cell"
        first = text(self.nb['cells'][0]['source'])
        m = (re.search(r'\*\*Question of this notebook[:.]?\*\*[:.]?\s*(.+)', first)
             or re.search(r'\*\*You will be able to answer:?\*\*:?\s*(.+)', first) or re.search(r'^> (.+)$', first, re.M))
        return re.sub(r'^1\. ', '', m[1].strip()) if m else ''      # of a list, its first question

    def title(self):
        t = re.search(r'^# (.+)$', text(self.nb['cells'][0]['source']), re.M)
        t = t[1].strip() if t else self.fn.stem
        number = re.match(r'\d+[a-z]?', self.fn.stem)
        return t if not number or t.startswith(number[0]) else f'{number[0]} {t}'

# --- the site ---
PATHS = '''
## Reading here

Where to begin, with 15 minutes or with a week, is said above. Teachers find plans with minutes in the [instructor's guide](instructor.md).

**Without Python** you can read everything here: the text, the code, all figures and printed results are the stored ones of real runs, the search works, solutions unfold by a click. What does not move are the sliders: their static figures stand beside them. To run and change things, clone the repository, or open a notebook in Colab (link at its top) and run there first

```
!git clone {git_url} && pip install ./{repo}
%cd {repo}/nbs/lessons
```
'''

def find_by_question(pages):
    rows = ['## Find by question\n', '| page | | the question it answers |', '|---|---|---|']
    for p in pages:
        if p.fn.stem == 'index': continue
        q = p.prose(p.question()).replace('|', '\\|')
        rows.append(f'| [{p.title()}]({page_of(p.fn)}) | {"lesson" if teaches(p.fn) else "reference"} | {q} |')
    return '\n'.join(rows) + '\n'

def write_source(src):
    "The markdown pages and the settings of mkdocs"
    docs = src/'pages'
    docs.mkdir(parents=True)
    fns, extra = notebooks(), [f for f in [NBS/'instructor.md'] if f.exists()]
    where = {**{f: page_of(f) for f in fns}, **{f: f.name for f in extra}}
    pages = [Page(f, docs, where) for f in fns]
    for p in pages:
        f = docs/page_of(p.fn)
        f.parent.mkdir(exist_ok=True)
        f.write_text(p.markdown(), encoding='utf-8')
    for f in extra:
        p = Page.__new__(Page)
        p.fn, p.out, p.pages, p.up = f, docs, where, ''
        (docs/f.name).write_text(p.prose(f.read_text(encoding='utf-8')), encoding='utf-8')
    start, cfg = docs/'index.md', settings()
    (start).write_text(start.read_text() + pages[0].prose(PATHS.format(**cfg)) + '\n' + find_by_question(pages), encoding='utf-8')
    (docs/'style.css').write_text(CSS)
    (docs/'worker.js').write_text(WORKER)
    nav = [{'Start': 'index.md'}, {'Lessons': [{p.title(): page_of(p.fn)} for p in pages if is_lesson(p.fn)]},
           {'Reference': [{p.title(): page_of(p.fn)} for p in pages if not is_lesson(p.fn) and p.fn.stem != 'index']},
           *({"Instructor's guide": f.name} for f in extra)]
    (src/'mkdocs.yml').write_text(json.dumps(dict(          # JSON is YAML
        site_name=cfg['title'], site_url=f'{cfg["doc_host"]}{cfg["doc_baseurl"]}/',
        docs_dir='pages', site_dir='site', use_directory_urls=False, nav=nav, extra_css=['style.css'],
        extra=dict(social=[dict(icon='fontawesome/brands/github', link=cfg['git_url'])], generator=False), plugins=['search', 'offline'],      # offline: the search works from a USB stick too
        theme=dict(name='material', font=False, features=['content.code.copy', 'navigation.footer', 'navigation.expand', 'search.highlight', 'toc.follow']),
        markdown_extensions=['admonition', 'attr_list', 'md_in_html', 'tables', 'pymdownx.details', 'pymdownx.highlight',
                             'pymdownx.superfences', {'toc': {'permalink': True, 'toc_depth': 3}}])))

def build(out, src=None):
    "Write the site into the folder `out`, replacing an older one"
    out = Path(out).resolve()
    src = Path(src or out.with_name(out.name + '_src')).resolve()
    for d in (src, out):
        if d.exists() and any(d.iterdir()) and not ((d/'mkdocs.yml').exists() or (d/'sitemap.xml').exists()):
            sys.exit(f'{d}: expected an older site or nothing, found other files; give another folder')
        shutil.rmtree(d, ignore_errors=True)
    write_source(src)
    r = subprocess.run([sys.executable, '-m', 'mkdocs', 'build', '--strict', '-q', '-f', src/'mkdocs.yml', '-d', out],
                       capture_output=True, text=True, env={**os.environ, 'NO_MKDOCS_2_WARNING': '1'})
    if r.returncode: sys.exit(f'mkdocs: {r.stdout}{r.stderr}')
    for f in out.rglob('*.html'):
        up = '../'*(len(f.relative_to(out).parts) - 1)
        f.write_text(re.sub(r'https://unpkg\.com/iframe-worker/shim', f'{up}worker.js', f.read_text(encoding='utf-8')), encoding='utf-8')
    return out

class Links(HTMLParser):
    "Links and anchors of a page"
    def __init__(self, page):
        super().__init__()
        self.links, self.ids = set(), set()
        self.feed(page)
    def handle_starttag(self, tag, attrs):
        for k, v in attrs:
            if k in ('href', 'src') and v: self.links.add(v)
            if k in ('id', 'name') and v: self.ids.add(v)

def broken_links(site):
    "Links inside the site that lead nowhere: 'page: link'"
    pages = {f: Links(f.read_text(encoding='utf-8')) for f in Path(site).rglob('*.html') if f.name != '404.html'}
    bad = []
    for f, p in pages.items():
        for link in p.links:
            path, mark = urldefrag(link)
            if re.match(r'[a-z]+:|//', link): continue
            target = (f.parent/unquote(path)).resolve() if path else f
            if target.is_dir(): target = target/'index.html'
            if not target.exists() or (mark and target in pages and unquote(mark) not in pages[target].ids):
                bad.append(f'{f.relative_to(site)}: {link}')
    return sorted(bad)

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('out', nargs='?', default=root/'_docs')
    out = build(p.parse_args().out)
    bad = broken_links(out)
    print(*bad, sep='\n')
    print(f'{out/"index.html"}: {len(list(out.rglob("*.html")))} pages, {len(bad)} broken links')
    sys.exit(bool(bad))

if __name__ == '__main__': main()
