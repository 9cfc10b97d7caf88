"""How a notebook reads, in numbers:   python tests/tools/notebook_stats.py [--times FILE] [NOTEBOOK ...]
FILE: json {notebook: seconds}, e.g. collected from `pytest tests/test_notebooks.py`; without it the column is empty."""
import argparse, base64, json, re, struct
from pathlib import Path

NBS = Path(__file__).resolve().parents[2]/'nbs'

# (smallest, largest) that a page may have; tests/test_course.py checks them.  None: no limit on that side.
LIMITS = {
    'KB':        (None, 1024),
    'words':     (150, 4500),
    'width':     (900, None),    # of the median figure: readable on a projector
    'questions': (1, None),
}
LESSON = {**LIMITS, 'exercises': (4, None)}
# A page that is known to be outside, with what holds for it: {stem: {column: (smallest, largest)}}.  Empty it.
EXCEPTIONS = {
    'index': {'questions': (0, None)},
}

def text(source): return source if isinstance(source, str) else ''.join(source)

def pixels(kind, data):
    "Width of a stored picture in pixels, read from its header"
    raw = base64.b64decode(text(data))
    if kind == 'image/png': return struct.unpack('>I', raw[16:20])[0]
    i = 2
    while i < len(raw):      # the segments of a JPEG; 0xC0 to 0xC3 hold the size
        marker, size = raw[i+1], struct.unpack('>H', raw[i+2:i+4])[0]
        if 0xC0 <= marker <= 0xC3: return struct.unpack('>H', raw[i+7:i+9])[0]
        i += 2 + size
    raise ValueError('a JPEG without a size')

def quantile(v, share): return sorted(v)[min(len(v)-1, int(share*len(v)))] if v else 0

def stats(fn):
    "One row: {column: number}"
    nb = json.loads(Path(fn).read_text(encoding='utf-8'))
    prose = '\n'.join(text(c['source']) for c in nb['cells'] if c['cell_type'] == 'markdown')
    code = [text(c['source']) for c in nb['cells'] if c['cell_type'] == 'code']
    lines = [[l for l in s.splitlines() if l.strip() and not l.startswith('#|')] for s in code]
    exported = sum(len(l) for l, s in zip(lines, code) if re.search(r'^#\|\s*exports?\b', s, re.M))
    tests = sum(len(re.findall(r'\bassert\b|\btest_\w+\(|\bexpect_fail\(', s)) for s in code if not re.search(r'^#\|\s*export', s, re.M))
    data = [(k, v) for c in nb['cells'] if c['cell_type'] == 'code' for o in c['outputs'] for k, v in o.get('data', {}).items()]
    widths = [pixels(k, v) for k, v in data if k in ('image/png', 'image/jpeg')]
    n = [len(l) for l in lines if l]
    asked = len(re.findall(r'\*\*(?:Predict|Question)', prose)) + len(re.findall(r'^#+ Questions?\b', prose, re.M))
    return {'KB': Path(fn).stat().st_size//1024, 'words': len(re.findall(r"[A-Za-z']{2,}", prose)), 'cells': len(nb['cells']),
            'lines': exported, 'a test': round(exported/tests, 1) if tests and exported else None,
            'p90': quantile(n, .9), 'longest': max(n, default=0), 'figures': len(widths),
            'width': quantile(widths, .5) or None, 'questions': asked,
            'exercises': sum('#| exercise' in s for s in code) + len(re.findall(r'^(?:\*\*)?\d\.(?=.*\(open\))', prose, re.M)),
            'widgets': sum('widget-view' in k for k, _ in data) + sum(len(re.findall(r'\binteract(?:ive)?\(', s)) for s in code)}

def notebooks(): return [f for f in sorted(NBS.rglob('*.ipynb')) if not any(p[0] in '_.' for p in f.relative_to(NBS).parts)]

def outside(fn):
    "What a notebook breaks: ['column value not in smallest..largest']"
    row, lesson = stats(fn), Path(fn).parent.name == 'lessons'
    limits = {**(LESSON if lesson else LIMITS), **EXCEPTIONS.get(Path(fn).stem, {})}
    return [f'{k}: {row[k]} is not in {a} to {b}' for k, (a, b) in limits.items()
            if row[k] is not None and ((a is not None and row[k] < a) or (b is not None and row[k] > b))]

def main():
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('notebooks', nargs='*', type=Path)
    p.add_argument('--times', type=Path)
    a = p.parse_args()
    times = json.loads(a.times.read_text()) if a.times else {}
    for i, fn in enumerate(a.notebooks or notebooks()):
        row = stats(fn)
        if not i: print(f'| {"notebook":32} | seconds | ' + ' | '.join(row) + ' |\n|' + '---|'*(len(row) + 2))
        name = fn.resolve().relative_to(NBS).as_posix() if fn.resolve().is_relative_to(NBS) else fn.name
        secs = next((f'{v:.0f}' for k, v in times.items() if k in (name, fn.name)), '')
        print(f'| {name.removesuffix(".ipynb"):32} | {secs:>7} | ' + ' | '.join(f'{"" if v is None else v:>{len(k)}}' for k, v in row.items()) + ' |')
    print('\nlines: exported; a test: exported lines for each test; p90, longest: lines of a code cell; width: median, pixels')

if __name__ == '__main__': main()
