"""The contract of QualityConditioned on networks of different build, and what notebook cells say less well:
saving, several processes, threads, compilation of parts, activation checkpointing."""
import copy, io, threading
import numpy as np, pytest, timm, torch, torch.distributed as dist, torch.nn.functional as F
from torch import nn
from torch.func import functional_call
from torch.utils.checkpoint import checkpoint
from qualiteacher.backbones import RestorationUNet
from qualiteacher.conditioning import (KINDS, CannotShare, QualityConditioned, QualityEmbedding, as_level, encode_level, find_bottleneck,
                                       trace_features)

KIND = ('sinusoidal', 'embedding', 'film')

# --- networks ---
def block(i, o): return nn.Sequential(nn.Conv2d(i, o, 3, padding=1), nn.BatchNorm2d(o), nn.ReLU(inplace=True))

class Flat(nn.Sequential):
    "No downsampling; batch norm and in-place activations"
    def __init__(self): super().__init__(block(3, 8), block(8, 8), block(8, 8), nn.Conv2d(8, 3, 3, padding=1))

class TwoHeads(nn.Module):
    "Returns a tuple and takes arguments of its own"
    def __init__(self):
        super().__init__()
        self.down, self.mid, self.up, self.conf = nn.Conv2d(3, 8, 4, 4), block(8, 8), nn.Conv2d(8, 3, 3, padding=1), nn.Conv2d(3, 1, 1)
    def forward(self, x, gain=1., *, shift=0.):
        y = x + self.up(F.interpolate(self.mid(self.down(x)), scale_factor=4))*gain + shift
        return y, self.conf(y).sigmoid()

class TimmUNet(nn.Module):
    "MobileNetV3 with its squeeze-and-excite gates as encoder"
    def __init__(self):
        super().__init__()
        self.enc = timm.create_model('mobilenetv3_small_050', features_only=True, pretrained=False, out_indices=(0, 1, 2))
        a, b, c = self.enc.feature_info.channels()
        self.d1, self.d0, self.out = nn.Conv2d(c+b, b, 3, padding=1), nn.Conv2d(b+a, a, 3, padding=1), nn.Conv2d(a, 3, 3, padding=1)
    def forward(self, x):
        up = lambda h, s: torch.cat([F.interpolate(h, size=s.shape[-2:]), s], 1)
        a, b, c = self.enc(x)
        return x + self.out(F.interpolate(self.d0(up(self.d1(up(c, b)).relu(), a)).relu(), size=x.shape[-2:]))

class Ours(RestorationUNet):
    def __init__(self):
        super().__init__(width=8)
        nn.init.normal_(self.head.weight, std=.05)      # its zero head would hide everything before it

class Recompute(nn.Module):
    "Checkpoints its own activations"
    def __init__(self, reentrant=None):
        super().__init__()
        self.a, self.b, self.c, self.reentrant = nn.Conv2d(3, 8, 3), nn.Sequential(nn.Conv2d(8, 8, 3), nn.ReLU()), nn.Conv2d(8, 3, 3), reentrant
    def forward(self, x):
        part = lambda h: self.b(self.a(h))
        return self.c(part(x) if self.reentrant is None else checkpoint(part, x, use_reentrant=self.reentrant))

NETS = dict(ours=Ours, flat=Flat, tuple=TwoHeads, timm=TimmUNet)

def leaves(y): return y if isinstance(y, tuple) else (y,)
def same(a, b): return type(a) is type(b) and all(torch.equal(i, j) for i, j in zip(leaves(a), leaves(b), strict=True))
def close(a, b, atol=1e-5):
    for i, j in zip(leaves(a), leaves(b), strict=True): torch.testing.assert_close(i, j, atol=atol, rtol=1e-4)

def at_once(f, expected, times):
    "A thread for each key, each calling f(key) again and again; every answer must be the expected one"
    got = {}
    def visitor(v):
        for _ in range(times): got[v] = f(v)
    threads = [threading.Thread(target=visitor, args=(v,)) for v in expected]
    for t in threads: t.start()
    for t in threads: t.join()
    for v in expected: close(got[v], expected[v])

def scramble(module, seed=0, std=.3):
    g = torch.Generator().manual_seed(seed)
    for p in module.parameters(): nn.init.normal_(p, std=std, generator=g)

@pytest.fixture(autouse=True)
def one_thread():
    "Tensors this small are faster on one core, and the answers do not depend on who else is at work"
    n = torch.get_num_threads()
    torch.manual_seed(0)
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)
    torch.compiler.reset()

@pytest.fixture
def x(): return torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(0))
@pytest.fixture
def q(): return torch.tensor([.5, 7.])
@pytest.fixture(params=NETS)
def net(request): return NETS[request.param]().eval()
@pytest.fixture
def student(net):
    s = QualityConditioned(net, kind='film').eval()
    scramble(s.condition)
    return s

# --- the contract ---
@pytest.mark.parametrize('kind', KIND)
def test_fresh_changes_nothing_and_none_never_does(net, kind, x, q):
    y = net(x)
    s = QualityConditioned(net, kind=kind).eval()
    assert s.net is net and same(s(x), y) and same(s(x, quality=q), y) and same(s(x, quality=7), y)
    loss = sum(F.mse_loss(o, torch.rand_like(o)) for o in leaves(s(x, quality=q)))
    opt = torch.optim.AdamW(s.condition_parameters(), lr=1e-1)
    loss.backward(); opt.step()                                            # the first step must already move it
    assert same(s(x), y) and not same(s(x, quality=q), y)

@pytest.mark.parametrize('kind', KIND)
def test_a_real_step_moves_the_network_too(net, kind, x, q):
    s = QualityConditioned(net, kind=kind)
    before = copy.deepcopy(s.state_dict())
    opt = torch.optim.AdamW(s.parameters(), lr=1e-2)
    for _ in range(2):
        opt.zero_grad()
        sum(o.square().mean() for o in leaves(s.train()(x, quality=q))).backward()
        opt.step()
    moved = {k.split('.')[0] for k, v in s.state_dict().items() if not torch.equal(v, before[k])}
    assert moved == {'net', 'condition'}
    assert same(s.eval()(x), net(x))

@pytest.mark.parametrize('kind', KIND)
def test_deepcopy_injects_its_own_condition(net, kind, x, q):
    s = QualityConditioned(net, kind=kind).eval()
    scramble(s.condition)
    y = s(x, quality=q)
    twin = copy.deepcopy(copy.deepcopy(s))
    close(twin(x, quality=q), y)
    scramble(twin.condition, 1)
    assert not same(twin(x, quality=q), y) and same(s(x, quality=q), y)
    assert not {p.data_ptr() for p in s.parameters()} & {p.data_ptr() for p in twin.parameters()}
    scramble(s.condition, 2)
    changed = twin(x, quality=q)
    twin.unwrap(); assert same(twin.net(x), net(x)) and not same(changed, net(x))
    assert not same(s(x, quality=q), net(x))                               # the copy's unwrap left the original alone

@pytest.mark.parametrize('kind', KIND)
def test_state_dict_round_trip(net, kind, x, q):
    s = QualityConditioned(net, kind=kind).eval()
    scramble(s.condition)
    assert {k.split('.')[0] for k in s.state_dict()} == {'net', 'condition'}
    assert {k for k in s.state_dict() if k.startswith('net.')} == {f'net.{k}' for k in net.state_dict()}
    f = io.BytesIO()
    torch.save(s.state_dict(), f); f.seek(0)
    other = QualityConditioned(type(net)(), at=s.sites, kind=s.kind).eval()
    other.load_state_dict(torch.load(f, weights_only=True))
    close(other(x, quality=q), s(x, quality=q))
    assert same(other(x), other.net(x))

def test_whole_student_can_be_pickled(student, x, q):
    f = io.BytesIO()
    torch.save(student, f); f.seek(0)
    close(torch.load(f, weights_only=False)(x, quality=q), student(x, quality=q))

@pytest.mark.parametrize('kind', KIND)
def test_autocast_and_channels_last(net, kind, x, q):
    s = QualityConditioned(net, kind=kind).eval()
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        plain = net(x)
        assert same(s(x), plain) and same(s(x, quality=q), plain)
    scramble(s.condition)
    with torch.no_grad(), torch.autocast('cpu', torch.bfloat16):
        low = s(x, quality=q)
        assert not same(low, plain) and [o.dtype for o in leaves(low)] == [o.dtype for o in leaves(plain)]
    last = x.contiguous(memory_format=torch.channels_last)
    close(s(last, quality=q), s(x, quality=q), 1e-4)
    h = torch.rand(2, s.condition[0].channels, 8, 8).contiguous(memory_format=torch.channels_last)
    assert s.condition[0].layer(h, q).is_contiguous(memory_format=torch.channels_last)

def test_half_and_double_networks(student, x, q):
    d = copy.deepcopy(student).double()
    assert all(o.dtype == torch.float64 for o in leaves(d(x.double(), quality=q)))
    student.net.double()                                                   # only the network: the condition follows
    assert all(o.dtype == torch.float64 for o in leaves(student(x.double(), quality=q)))

@torch.no_grad()
def test_compile(net, x, q):
    s = QualityConditioned(net).eval()
    scramble(s.condition)
    c = torch.compile(s, backend='aot_eager', fullgraph=True)
    plain = torch.compile(copy.deepcopy(s).unwrap(), backend='aot_eager', fullgraph=True)
    assert same(c(x), plain(x))                                            # compiled against compiled: the same bits
    close(c(x), s(x))
    for level in (q, 3, 7): close(c(x, quality=level), s(x, quality=level))
    assert same(c(x, quality=torch.tensor([-1., 9.])), c(x, quality=torch.tensor([0., 7.])))

@torch.no_grad()
def test_compile_many_levels_and_parts(x):
    s = QualityConditioned(TwoHeads()).eval()
    scramble(s.condition)
    eager = {level: s(x, quality=level) for level in (*range(8), 2.5, 6.25)}
    whole = torch.compile(s, backend='aot_eager', fullgraph=True)          # raises at the ninth compilation
    for level, y in eager.items(): close(whole(x, quality=level), y)
    for part in ('net', 'net.mid'):
        p = copy.deepcopy(s)
        p.get_submodule(part).compile(backend='aot_eager')
        for level in (0, 3, 7): close(p(x, quality=level), eager[level])
        close(p(x), s(x))

@torch.no_grad()
def test_compiled_student_in_threads_and_after_errors(x):
    s = QualityConditioned(TwoHeads()).eval(); scramble(s.condition)
    eager = {v: s(x, quality=v) for v in (0., 2.5, 7.)}
    c = torch.compile(s, backend='aot_eager')
    close(c(x, quality=7.), eager[7.])
    with pytest.raises(Exception): c(x[:, :1], quality=7.)
    close(c(x), s.net(x)); close(s(x), s.net(x))
    at_once(lambda v: c(x, quality=v), eager, times=5)
    twin = copy.deepcopy(s); scramble(twin.condition, 1)
    close(torch.compile(twin, backend='aot_eager')(x, quality=7.), twin(x, quality=7.))

def test_compiled_before_is_refused():
    with pytest.raises(ValueError, match='not compiled'): QualityConditioned(torch.compile(Flat()))
    net = Flat(); net.compile()
    with pytest.raises(ValueError, match='not compiled'): QualityConditioned(net)

def test_distributed(tmp_path, x, q):
    "One process, real reducer: the same gradients as without it"
    s = QualityConditioned(TwoHeads()); twin = copy.deepcopy(s)
    step = lambda m: (m(x, quality=q)[0].square().mean() + m(x)[1].mean()).backward()
    dist.init_process_group('gloo', init_method=f'file://{tmp_path}/meet', rank=0, world_size=1)
    try:
        ddp = nn.parallel.DistributedDataParallel(twin)
        for _ in range(2): step(s); step(ddp)
    finally: dist.destroy_process_group()
    for a, b in zip(s.parameters(), twin.parameters(), strict=True): torch.testing.assert_close(a.grad, b.grad)

def test_gradient_for_the_condition_only(student, x, q):
    fixed = {n: p.detach() for n, p in student.named_parameters() if n.startswith('net.')}
    y = functional_call(student, fixed, (x,), {'quality': q})
    assert same(y, student(x, quality=q))
    sum(o.mean() for o in leaves(y)).backward()
    assert all(p.grad is None for p in student.net.parameters())
    assert any(p.grad.abs().max() > 0 for p in student.condition_parameters())

def test_a_level_belongs_to_its_picture(student, x, q):
    both = leaves(student(x, quality=q))
    for i in (0, 1): close(tuple(leaves(student(x[i:i+1], quality=q[i].item()))), tuple(o[i:i+1] for o in both), 1e-4)

# --- nothing leaks ---
def test_errors_threads_and_other_students(x):
    s = QualityConditioned(TwoHeads()).eval(); scramble(s.condition)
    other = QualityConditioned(s.net, at='down').eval(); scramble(other.condition, 3)   # a second student, same network
    y, y7, o7 = s.net(x), s(x, quality=7), other(x, quality=7)
    with pytest.raises(RuntimeError): s(x[:, :1], quality=7)               # the network itself fails
    assert same(s(x), y) and same(s.net(x), y) and same(other(x, quality=7), o7) and not same(o7, y7)
    alone = {v: s(x, quality=v) for v in range(8)}
    at_once(lambda v: s(x, quality=v), alone, times=10)

def test_copy_made_inside_a_forward(x):
    "A copy taken while a level is set starts without one"
    class Nosy(TwoHeads):
        def forward(self, x): self.caught.append(copy.deepcopy(self.owner[0])); return super().forward(x)
    net = Nosy(); net.caught, net.owner = [], []
    s = QualityConditioned(net, at='mid', channels=8).eval(); scramble(s.condition)
    net.owner.append(s); s(x, quality=7)
    twin = net.caught[0]; twin.net.owner, twin.net.caught = [s], []
    assert same(TwoHeads.forward(twin.net, x), TwoHeads.forward(net, x))

def test_own_arguments_reach_the_network(x):
    s = QualityConditioned(TwoHeads()).eval()
    close(s(x, .5, shift=.1, quality=7), s.net(x, .5, shift=.1))
    with pytest.raises(TypeError): s(x, nonsense=1)

def test_activation_checkpointing(x):
    "Around the student it works; inside the network PyTorch notices, unless it is the old reentrant kind"
    s = QualityConditioned(Recompute(), 'b'); scramble(s.condition)
    def gradient(f, s):
        s.zero_grad(); f(x).square().mean().backward()
        return s.net.b[0].weight.grad.clone()
    close(gradient(lambda x: checkpoint(lambda v: s(v, quality=7), x, use_reentrant=False), s), gradient(lambda x: s(x, quality=7), s))
    inside = QualityConditioned(Recompute(False), 'b.0'); scramble(inside.condition)
    with pytest.raises(torch.utils.checkpoint.CheckpointError): gradient(lambda x: inside(x, quality=7), inside)
    old = copy.deepcopy(inside); x.requires_grad_()
    old.net.reentrant, inside.net.reentrant = True, None
    right, wrong = (gradient(lambda x: n(x, quality=7), n) for n in (inside, old))
    assert not torch.allclose(right, wrong)                                # documented: not supported

# --- where ---
@pytest.mark.parametrize('name, expected', dict(ours='middle', flat='1.2', tuple='mid').items())
def test_bottleneck(name, expected): assert find_bottleneck(NETS[name]()) == expected

def test_bottleneck_of_timm_is_no_gate_and_is_used():
    net = TimmUNet()
    rows = trace_features(net)
    assert any(r.used and r.shape[2:] == (1, 1) for r in rows)             # two traps: a gate,
    assert any(not r.used and r.shape[2:] == (2, 2) for r in rows)         # and stages that run for nothing
    found = next(r for r in rows if r.name == find_bottleneck(net))
    assert found.used and found.shape[2:] == (8, 8) and found.name.startswith('enc.')
    with pytest.raises(ValueError, match='depends on'): QualityConditioned(net, 'enc.blocks.5')

def test_probe_restores_everything():
    class Counter(nn.Module):
        def __init__(self): super().__init__(); self.register_buffer('n', torch.zeros(())); self.drop = nn.Dropout()
        def forward(self, h): self.n += 1; return self.drop(h) + torch.rand(1)
    net = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), Counter(), nn.Conv2d(8, 3, 3))
    net.train(); net[1].eval()
    modes, state, rng = [m.training for m in net.modules()], copy.deepcopy(net.state_dict()), torch.get_rng_state()
    for example in (None, torch.zeros(1, 1, 8, 8)):                        # also after a failure
        try: find_bottleneck(net, example)
        except ValueError: pass
    assert [m.training for m in net.modules()] == modes and torch.equal(torch.get_rng_state(), rng)
    assert all(torch.equal(v, state[k]) for k, v in net.state_dict().items())
    assert not any(m._forward_hooks for m in net.modules())

@pytest.mark.parametrize('size', [(64, 64), (96, 64), (65, 97), (40, 120)])
def test_bottleneck_does_not_depend_on_the_example(size): assert find_bottleneck(Ours(), torch.rand(2, 3, *size)) == 'middle'

def test_several_places_and_custom_layers(x):
    net = Ours().eval()
    s = QualityConditioned(net, at=[net.middle, 'dec1', 'auto'][:2], kind=lambda c: QualityEmbedding(c, bins=True))
    assert s.sites == ['middle', 'dec1'] and s.injected == [net.middle, net.dec1]
    assert [c.channels for c in s.condition] == [32, 16]
    scramble(s.condition)
    assert same(s(x, quality=3.9), s(x, quality=3)) and not same(s(x, quality=4), s(x, quality=3))
    assert set(KINDS) == {*KIND, 'bins'}

def test_grey_network_needs_an_example():
    grey = lambda: nn.Sequential(nn.Conv2d(1, 4, 3, padding=1), nn.ReLU(), nn.Conv2d(4, 1, 3, padding=1))
    with pytest.raises(ValueError, match='example'): QualityConditioned(grey())
    x = torch.rand(2, 1, 16, 16)
    for s in (QualityConditioned(grey(), example=x), QualityConditioned(grey(), '1', channels=4)):
        assert s.sites == ['1'] and same(s(x, quality=2), s(x))

class NoModules(nn.Module):
    def forward(self, x): return x*.5
class Flattened(nn.Module):
    def __init__(self): super().__init__(); self.f = nn.Flatten()
    def forward(self, x): return self.f(x)

@pytest.mark.parametrize('make, message', [
    (lambda: QualityConditioned(NoModules()), 'nn.Identity'), (lambda: QualityConditioned(Flattened()), 'nn.Identity'),
    (lambda: QualityConditioned(Flattened(), 'f'), 'got none'), (lambda: QualityConditioned(Flat(), 'body'), "'body'"),
    (lambda: QualityConditioned(Flat(), nn.ReLU()), 'module of the network'), (lambda: QualityConditioned(Flat(), []), 'distinct'),
    (lambda: QualityConditioned(Flat(), ['0', '0']), 'distinct'), (lambda: QualityConditioned(Flat(), kind='x'), 'kind'),
    (lambda: QualityConditioned(Flat(), channels=3), '3 channels'), (lambda: find_bottleneck(Flat(), torch.rand(3, 8, 8)), r'\(B,C,H,W\)'),
    (lambda: find_bottleneck(Flat(), 'photo.png'), r'\(B,C,H,W\)')])
def test_refused(make, message):
    with pytest.raises(ValueError, match=message): make()

def test_wrong_channels_and_replaced_modules(x):
    s = QualityConditioned(Flat(), '1', channels=5)
    with pytest.raises(ValueError, match=r'return \(2,5,H,W\)'): s(x, quality=1)
    s = QualityConditioned(Flat(), '1'); s.net[1] = nn.Identity()
    with pytest.raises(RuntimeError, match='none of the sites'): s(x, quality=1)
    s(x)

# --- levels ---
@pytest.mark.parametrize('bad', [-.01, 7.01, 70, float('nan'), float('inf'), torch.tensor([0., float('nan')]), torch.zeros(3),
                                 torch.zeros(1), torch.zeros(2, 1), 'best', [1, 2]], ids=str)
def test_wrong_levels(bad, x):
    s = QualityConditioned(Flat(), '1', channels=8)
    with pytest.raises(ValueError, match='quality'): s(x, quality=bad)
    assert s.dial.level is None

@pytest.mark.parametrize('good', [3, 3., np.float32(3), np.int64(3), torch.tensor(3), torch.tensor([3, 3]), torch.tensor([3., 3.]).double()], ids=repr)
def test_right_levels(good, x):
    q = as_level(good, x)
    assert q.dtype == torch.float32 and q.tolist() == [3., 3.]

def test_levels_interpolate_and_carry_a_gradient():
    layer = QualityEmbedding(4); scramble(layer)
    q = torch.tensor([2.25], requires_grad=True)
    rows = layer.table.weight
    torch.testing.assert_close(layer.embed(q)[0], .75*rows[2] + .25*rows[3])
    layer.embed(q).sum().backward()
    torch.testing.assert_close(q.grad[0], (rows[3]-rows[2]).sum())
    assert torch.equal(layer.embed(torch.arange(8.)), rows)
    e = encode_level(torch.arange(8.))
    assert all((e[0] @ e[i+1] < e[0] @ e[i]) for i in range(7))

# --- what comes before the first site, computed once for several levels ---
class PostNorm(nn.Module):
    "Writes into kept features after the site, and into the outputs of modules before it"
    def __init__(self, where):
        super().__init__()
        self.a, self.b, self.c, self.act, self.where = nn.Conv2d(3, 8, 1), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 3, 1), nn.ReLU(inplace=True), where
    def forward(self, x):
        h = self.a(x)
        if self.where == 'before': h += 1
        if self.where == 'result': h = self.act(h)              # harmless: its result is used
        if self.where == 'own':    h = h*2; self.act(h)         # harmless too: h is nobody's output, and is made anew
        y = self.b(h)
        if self.where == 'after': h += y
        return self.c(h+y)

class Again(nn.Module):
    "One block at several places, before and after the site"
    def __init__(self): super().__init__(); self.a, self.block, self.mid, self.out = nn.Conv2d(3, 8, 1), block(8, 8), nn.Conv2d(8, 8, 1), nn.Conv2d(8, 3, 1)
    def forward(self, x): return self.out(self.block(self.block(self.mid(self.block(self.block(self.a(x)))))))

def conditioned(net, at='auto', seed=0):
    torch.manual_seed(seed)
    s = QualityConditioned(net.eval(), at, 'film'); scramble(s.condition)
    return s

@torch.no_grad()
def ask(s, x, levels=(0, 3.5, 7)): return [s(x, quality=q) for q in levels]

def shared(s, x, levels=(0, 3.5, 7)):
    with s.prefix_cache(): return ask(s, x, levels)

def calls(s, f):
    "How often each leaf module really runs"
    n = dict.fromkeys((k for k, m in s.net.named_modules() if not list(m.children())), 0)
    old = {}
    def counting(k, cls):
        class Counting(cls):
            def forward(self, *a, **kw): n[k] += 1; return cls.forward(self, *a, **kw)
        return Counting
    for k in n: m = s.net.get_submodule(k); old[k] = m.__class__; m.__class__ = counting(k, m.__class__)
    try: f()
    finally:
        for k in n: s.net.get_submodule(k).__class__ = old[k]
    return n

@pytest.mark.parametrize('name', NETS)
def test_prefix_cache_gives_the_same_bits(name):
    s, x = conditioned(NETS[name]()), torch.rand(2, 3, 64, 64, generator=torch.Generator().manual_seed(1))
    assert all(same(a, b) for a, b in zip(ask(s, x), shared(s, x), strict=True))
    assert not same(*[leaves(y)[0] for y in ask(s, x, (0, 7))])
    n = calls(s, lambda: shared(s, x))
    assert min(v for v in n.values() if v) == 1 and max(n.values()) == 3      # some ran once, some for every level
    assert not any('forward' in vars(m) for m in s.modules())

def test_prefix_cache_follows_the_picture():
    s, (x, z) = conditioned(Ours()), torch.rand(2, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    plain, other = ask(s, x), ask(s, z)
    with s.prefix_cache(), torch.no_grad():
        for y in (x, z, x): assert all(same(a, b) for a, b in zip(ask(s, y), plain if y is x else other))
        assert same(s(x), s.net(x)) and same(s(x, quality=0), plain[0])       # None in between: the network alone
        x.mul_(.5)                                                            # the same object, other numbers
        half = s(x, quality=0)
    assert same(half, ask(s, x)[0]) and not same(half, plain[0])

def test_prefix_cache_keeps_arguments_apart():
    s, x = conditioned(TwoHeads()), torch.rand(1, 3, 32, 32)
    with s.prefix_cache(), torch.no_grad(): a, b, c = s(x, quality=7), s(x, quality=7, shift=.5), s(x, .5, quality=7)
    with torch.no_grad(): want = s(x, quality=7), s(x, quality=7, shift=.5), s(x, .5, quality=7)
    assert all(same(i, j) for i, j in zip((a, b, c), want))

@pytest.mark.parametrize('where', ['nowhere', 'result', 'own'])
def test_prefix_cache_with_harmless_writes(where):
    s, x = conditioned(PostNorm(where), 'b'), torch.randn(1, 3, 16, 16)
    assert all(same(a, b) for a, b in zip(ask(s, x), shared(s, x), strict=True))
    assert calls(s, lambda: shared(s, x))['a'] == 1

@pytest.mark.parametrize('where', ['before', 'after'])
def test_prefix_cache_refuses_where_it_would_be_wrong(where):
    s, x = conditioned(PostNorm(where), 'b'), torch.randn(1, 3, 16, 16)
    with pytest.raises(CannotShare, match='writes into'): shared(s, x)
    assert not any('forward' in vars(m) for m in s.modules()) and same(ask(s, x)[0], ask(s, x)[0])

def test_prefix_cache_with_a_block_that_runs_often():
    s, x = conditioned(Again(), 'mid'), torch.randn(1, 3, 16, 16)
    assert all(same(a, b) for a, b in zip(ask(s, x), shared(s, x), strict=True))
    n = calls(s, lambda: shared(s, x))
    assert n['mid'] == 1 and n['block.0'] == 2+3*2 and n['out'] == 3           # two before the site once, two after it thrice

def test_prefix_cache_refuses_training_inference_mode_and_compiled():
    s, x = conditioned(Ours()), torch.rand(1, 3, 16, 16)
    with pytest.raises(CannotShare, match='no_grad'), torch.inference_mode(), s.prefix_cache(): pass
    with pytest.raises(CannotShare, match='eval'), s.train().prefix_cache(): pass
    s.eval().net.compile(backend='eager')
    with pytest.raises(CannotShare, match='compiled'), s.prefix_cache(): pass

def test_prefix_cache_while_others_ask():
    "Two threads turn the dial, two ask plainly; each gets its own answer"
    s, xs = conditioned(Ours()), torch.rand(4, 1, 3, 32, 32, generator=torch.Generator().manual_seed(1))
    want = {i: torch.cat(ask(s, x)) for i, x in enumerate(xs)}
    def visit(i): return torch.cat((shared if i < 2 else ask)(s, xs[i]))
    at_once(visit, want, 15)
    assert not any('forward' in vars(m) for m in s.modules()) and not any(len(m._forward_hooks) > 1 for m in s.modules())

def test_a_copy_made_inside_is_its_own():
    s, x = conditioned(Ours()), torch.rand(1, 3, 32, 32)
    with s.prefix_cache(): twin = copy.deepcopy(s)
    plain = ask(twin, x)[2]
    with torch.no_grad(): [p.zero_() for p in s.parameters()]
    assert same(ask(twin, x)[2], plain) and not same(ask(s, x)[2], plain)
