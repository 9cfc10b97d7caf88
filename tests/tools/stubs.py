"""Types for checkers and editors, qualiteacher/*.pyi, made from the modules.

A checker cannot see two habits of the notebooks: methods that a later cell adds to a class (`@patch`), and arguments
that may be None without saying so (`grid:int=None`).  The stubs say both; nothing is inferred that is not written.

python tests/tools/stubs.py            writes them
python tests/tools/stubs.py --check    fails if they are not what the modules make
"""
import ast, sys
from pathlib import Path

LIB = Path(__file__).resolve().parents[2]/'qualiteacher'
HEAD = '# Made from {} by tests/tools/stubs.py: edit the notebook, not this file.\n'
KEPT = {'property', 'staticmethod', 'classmethod', 'contextmanager', 'dataclass'}     # decorators that change a type

name = lambda s: ast.Name(s)
public = lambda s: not s.startswith('_') or s.startswith('__')
def none(n): return isinstance(n, ast.Constant) and n.value is None

def optional(ann, default):
    "`int=None` means int or None"
    if ann is None or default is None or not none(default): return ann
    return ann if ast.unparse(ann) in ('Any', 'object') else ast.BinOp(ann, ast.BitOr(), default)

def literal(n):
    "A default that is short is shown, any other is ..."
    try: ast.literal_eval(n)
    except ValueError: return ast.Constant(...)
    return n if len(ast.unparse(n)) < 30 and not isinstance(n, ast.Tuple) else ast.Constant(...)

def guess(n):
    "The type of a constant, as far as it is seen at a glance"
    if isinstance(n, ast.Constant) and n.value is not None: return name(type(n.value).__name__)
    if isinstance(n, ast.JoinedStr): return name('str')
    for node, t in ((ast.Dict, 'dict'), (ast.DictComp, 'dict'), (ast.List, 'list'), (ast.ListComp, 'list'), (ast.Tuple, 'tuple'), (ast.Set, 'set')):
        if isinstance(n, node): return name(t)
    if isinstance(n, ast.Call) and isinstance(n.func, ast.Name) and n.func.id[0].isupper(): return n.func     # a class
    return name('Any')

def own(fn):
    "The nodes of a function without those of functions inside it"
    todo = list(fn.body)
    while todo:
        n = todo.pop()
        yield n
        if not isinstance(n, (ast.FunctionDef, ast.Lambda, ast.ClassDef)): todo += ast.iter_child_nodes(n)

def function(fn, cls=None):
    "The signature; without a type of the result it is Any, or None if nothing is returned, or the class it makes"
    a = fn.args
    plain = [*a.posonlyargs, *a.args]
    pairs = [*zip(plain[len(plain)-len(a.defaults):], a.defaults), *zip(a.kwonlyargs, a.kw_defaults)]
    for arg, d in pairs: arg.annotation = optional(arg.annotation, d)
    a.defaults, a.kw_defaults = [literal(d) for d in a.defaults], [d and literal(d) for d in a.kw_defaults]
    if fn.returns is None:
        gives = any(isinstance(n, (ast.Yield, ast.YieldFrom)) or isinstance(n, ast.Return) and n.value is not None for n in own(fn))
        fn.returns = name('Any') if gives else ast.Constant(None)
        if cls and any(isinstance(n, ast.Return) and ast.unparse(n.value or fn).startswith('cls(') for n in own(fn)): fn.returns = name(cls)
    fn.decorator_list = [d for d in fn.decorator_list if ast.unparse(d).split('(')[0].split('.')[-1] in KEPT | {'setter'}]
    fn.body = [ast.Expr(ast.Constant(...))]
    return fn

def declared(target, ann): return ast.AnnAssign(target, ann, None, 1)

def names(target):
    if isinstance(target, (ast.Tuple, ast.List)): return [n for t in target.elts for n in names(t)]
    return [target]

def values(target, value):
    "(target, value or None) of an assignment, tuples taken apart"
    if isinstance(target, ast.Tuple) and isinstance(value, ast.Tuple) and len(target.elts) == len(value.elts):
        return [p for t, v in zip(target.elts, value.elts) for p in values(t, v)]
    return [(t, value if t is target else None) for t in names(target)]

def attributes(fn):
    "{attribute: type} that a method gives to `self`: the type of an argument, or Any"
    types = {a.arg: a.annotation for a in (*fn.args.args, *fn.args.kwonlyargs)}
    found = {}
    for n in own(fn):
        if not isinstance(n, ast.Assign): continue
        for t, v in (p for t in n.targets for p in values(t, n.value)):
            if isinstance(t, ast.Attribute) and isinstance(t.value, ast.Name) and t.value.id == 'self' and public(t.attr):
                ann = types.get(v.id) if isinstance(v, ast.Name) else None
                ann = guess(v) if ann is None else ann
                found[t.attr] = ann if ast.unparse(found.get(t.attr, ann)) == ast.unparse(ann) else name('Any')
    return found

def patched(fn):
    "The class that `@patch` adds this function to, or None; makes it look like a method"
    for d in fn.decorator_list:
        call = d if isinstance(d, ast.Call) else None
        if ast.unparse(call.func if call else d) != 'patch': continue
        kind = {k.arg for k in call.keywords} if call else set()
        fn.decorator_list = [name('property')] if 'as_prop' in kind else [name('classmethod')] if 'cls_method' in kind else []
        first = fn.args.args[0]
        cls, first.annotation = ast.unparse(first.annotation), None
        return cls

def klass(c, more):
    "A class with its methods, those added later, and the attributes that they set"
    body, methods = [], [n for n in c.body if isinstance(n, ast.FunctionDef)] + more
    taken = {m.name for m in methods}
    for n in c.body:
        if isinstance(n, ast.AnnAssign): body.append(ast.AnnAssign(n.target, optional(n.annotation, n.value), n.value and ast.Constant(...), 1))
        elif isinstance(n, ast.Assign): body += [declared(t, guess(v)) for g in n.targets for t, v in values(g, n.value) if public(t.id)]
    taken |= {n.target.id for n in body}
    found = {}
    for m in methods: found = {**attributes(m), **found}
    body += [declared(name(k), t) for k, t in found.items() if k not in taken]
    body += [function(m, c.name) for m in methods if public(m.name)]
    c.body = body or [ast.Expr(ast.Constant(...))]
    c.decorator_list = [d for d in c.decorator_list if ast.unparse(d).split('(')[0] in KEPT]
    return c

def exported(tree):
    "The names in __all__"
    for n in tree.body:
        if isinstance(n, ast.Assign) and ast.unparse(n.targets[0]) == '__all__': return set(ast.literal_eval(n.value))
    return set()

def used(nodes): return {n.id for s in nodes for n in ast.walk(s) if isinstance(n, ast.Name)}

def stub(path):
    tree, later, body, imports = ast.parse(path.read_text(encoding='utf-8')), {}, [], []
    for n in [n for n in tree.body if isinstance(n, ast.FunctionDef)]:
        if cls := patched(n): later.setdefault(cls, []).append(n); tree.body.remove(n)
    flat = [m for n in tree.body for m in (n.body if isinstance(n, (ast.Try, ast.If)) else [n])]
    for n in flat:
        if isinstance(n, (ast.Import, ast.ImportFrom)): imports.append(n)
        elif isinstance(n, ast.ClassDef): body.append(klass(n, later.pop(n.name, [])))
        elif isinstance(n, ast.FunctionDef):
            if public(n.name): body.append(function(n))
        elif isinstance(n, ast.AnnAssign) and public(n.target.id): body.append(declared(n.target, n.annotation))
        elif isinstance(n, ast.Assign):
            made = isinstance(n.value, ast.Call) and ast.unparse(n.value.func) in ('namedtuple', 'TypeVar')
            body += [n] if made else [declared(t, guess(v)) for g in n.targets for t, v in values(g, n.value)
                                      if isinstance(t, ast.Name) and public(t.id) and t.id != '__all__']
    if later: raise SystemExit(f'{path.name}: methods for {list(later)}, a class of another module: the stub cannot say so')
    need, offered = used(body), exported(tree)
    for i in imports:
        for a in i.names:                # a name that this module offers although another one makes it
            if a.name in offered and not a.asname and getattr(i, 'level', 0): a.asname = a.name
        i.names = [a for a in i.names if (a.asname or a.name.split('.')[0]) in need | offered]
    head = ['from typing import Any'] if 'Any' in need and not any(a.name == 'Any' for i in imports for a in i.names) else []
    parts = head + [ast.unparse(i) for i in imports if i.names] + [ast.unparse(ast.fix_missing_locations(n)) for n in body]
    return HEAD.format(path.name) + '\n'.join(parts) + '\n'

def stubs():
    "{file: text} of all modules that come from notebooks"
    return {m.with_suffix('.pyi'): stub(m) for m in sorted(LIB.glob('*.py')) if not m.name.startswith('_')}

if __name__ == '__main__':
    made = stubs()
    old = set(LIB.glob('*.pyi'))
    if '--check' in sys.argv:
        stale = [f.name for f in made.keys() | old if f not in made or f not in old or f.read_text(encoding='utf-8') != made[f]]
        if stale: raise SystemExit(f'{sorted(stale)} are not what the modules make: python tests/tools/stubs.py')
    else:
        for f in old - made.keys(): f.unlink()
        for f, text in made.items(): f.write_text(text, encoding='utf-8')
