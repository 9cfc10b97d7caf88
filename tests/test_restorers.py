"""The three shipped restorers on pictures that need nothing, and on pictures that are no photographs: nothing invented, nothing
destroyed.  And what `qualiteacher restore` says about a result."""
import pytest, torch
from qualiteacher.cli import main
from qualiteacher.files import as_file, lamp_night
from qualiteacher.images import data_root, load_image, luma, psnr, sample_paths, save_image
from qualiteacher.inference import asked_level, restore, shipped_student
from qualiteacher.naked_eye import SIGHTS, naked_eye
from qualiteacher.needs import NEEDS
from qualiteacher.tasks import TASKS

gen = lambda s=0: torch.Generator().manual_seed(s)

@pytest.fixture(scope='module')
def restorer():
    "Function of a task and a picture: what `restore` makes of it without further words"
    loaded = {t: shipped_student(t) for t in NEEDS}
    def f(task, x):
        student, meta = loaded[task]
        return restore(student, x, asked_level(meta['about']))
    return f

def screenshot():
    "A white window with grey bars, lines of black text and two coloured buttons"
    x = torch.full((3, 240, 320), 1.)
    x[:, :24] = .93; x[:, :, :60] = .96
    for r in range(40, 220, 12):
        for c in range(72, 300, 9): x[:, r:r+7, c:c+5+(r*c) % 3] = .1
    x[:, 210:226, 80:130] = torch.tensor([.1, .45, .85])[:, None, None]
    x[:, 210:226, 140:190] = torch.tensor([.8, .2, .2])[:, None, None]
    return x

def drawing():
    "Black strokes on paper"
    y, x = torch.meshgrid(torch.linspace(-1, 1, 200), torch.linspace(-1, 1, 260), indexing='ij')
    r = (x**2+y**2).sqrt()
    return (1-.9*sum(((r-k).abs() < .012).float() for k in (.3, .55, .8)).clamp(0, 1)).expand(3, -1, -1).contiguous()

def scan():
    "Yellowed paper with print, and the grain of the scanner"
    x = screenshot().mean(0, keepdim=True)*torch.tensor([.93, .89, .78])[:, None, None]+.03
    return (x+.01*torch.randn(x.shape, generator=gen(1))).clamp(0, 1)

NO_PHOTO = {'black': torch.zeros(3, 120, 160), 'white': torch.ones(3, 120, 160), 'grey': torch.full((3, 120, 160), .5),
            'one colour': torch.tensor([.7, .3, .2])[:, None, None].expand(3, 120, 160).contiguous(), 'screenshot': screenshot(),
            'drawing': drawing(), 'scan': scan()}

@pytest.mark.parametrize('task', NEEDS)
@pytest.mark.parametrize('name', NO_PHOTO)
def test_no_photograph(restorer, task, name):
    x = NO_PHOTO[name]
    y = restorer(task, x)
    assert psnr(y[None], x[None]) > 26, f'{task} changes {name} to {psnr(y[None], x[None]).item():.1f} dB'
    spread = (y.flatten(1).std(1)-x.flatten(1).std(1)).abs().max()
    assert spread < .04                                                        # nothing invented, nothing lost

def test_bricks_are_not_taken_for_noise(restorer):
    "Photographs with less light and no noise, in 8 bits: what is fine stays, also in shade; with noise it is taken away"
    from qualiteacher.needs import relit
    from qualiteacher.pyramid import bands
    fine = lambda v: bands(v[None, :, :192, :192])[0].std()
    kept, cleaned = [], []
    for i, p in enumerate(sample_paths('test')[::4]):
        y = load_image(p, 256)
        for noise, out in ((0, kept), (.04, cleaned)):
            grain = noise*torch.randn(1, *y.shape[1:], generator=gen(i))
            x = ((.25*y**1.3+.25*grain).clamp(0, 1)*255).round()/255
            out.append((fine(restorer('lowlight', x))/fine(relit(x[None])[0])).item())
    # fur that fills the picture is still taken for noise: one of the eight
    assert sorted(kept)[1] > .85 and sum(kept)/len(kept) > .85, kept
    assert sum(cleaned)/len(cleaned) < .75, cleaned

@pytest.mark.parametrize('task', NEEDS)
def test_the_dial_orders_the_truth(task):
    "Eight photographs that nobody trained on, spoiled: in the mean a higher level is nearer to the truth, and a low one far from it"
    student, _ = shipped_student(task)
    got = {q: [] for q in (0, 3, 7)}
    for i, p in enumerate(sample_paths('test')[::4]):
        y = load_image(p, 192)[None]
        x = TASKS[task].harder(y, gen(i))
        for q in got: got[q].append(psnr(restore(student, x[0], q)[None], y).item())
    low, middle, top = (sum(v)/len(v) for v in got.values())
    assert low < middle-1 and middle < top+.1 and low < top-3, (low, middle, top)

@pytest.mark.parametrize('task', NEEDS)
def test_good_photographs_come_back(restorer, task):
    "Every fourth clean photograph: median and worst tenth; in haze the aim of 27 dB is missed (grey walls, snow, mist: 09c)"
    same = []
    for p in sorted((data_root()/'clean').glob('*.jpg'))[::4]:
        x = load_image(p, 320)
        same.append(psnr(restorer(task, x)[None], x[None]).item())
    same = torch.tensor(same).clamp(max=60)
    assert same.median() > 34 and same.quantile(.1) > (20 if task == 'haze' else 27), (same.median(), same.quantile(.1))

def test_dark_samples_hold_what_a_person_sees(restorer):
    for p in sample_paths('lowlight'):
        x = load_image(p, 320)
        seen = {n: v.item() for n, v in naked_eye(restorer('lowlight', x)[None], x[None]).items()}
        faults = [n for n, s in SIGHTS.items() if seen[n] > s.limit]
        assert not faults, (p.stem, seen)

def test_a_black_sky_stays_black(restorer):
    photos = torch.stack([load_image(p, 256)[:, :256, :256] for p in sample_paths('test')[:6]])
    scenes = lamp_night(photos, gen(4))
    files = as_file(scenes, gen(5), 0, .3, (60, 85))
    for f, s in zip(files, scenes):
        black = s.amax(0) < 3/255
        if black.float().mean() < .1: continue
        assert luma(restorer('lowlight', f)[None])[0, 0][black].mean() < .08

def test_dark_room_gets_light(restorer):
    "The other side: what needs light is lit"
    from qualiteacher.cameras import short_exposure
    y = torch.stack([load_image(p, 256)[:, :256, :256] for p in sample_paths('test')[:6]])
    x = short_exposure(y, gen(7))
    won = [psnr(restorer('lowlight', a)[None], b[None])-psnr(a[None], b[None]) for a, b in zip(x, y)]
    assert sum(won)/len(won) > 6

def test_restore_says_what_it_saw(tmp_path, capsys):
    (tmp_path/'in').mkdir()
    good = load_image(sample_paths('test')[4], 256)
    save_image(good, tmp_path/'in'/'good.png')
    from qualiteacher.degradations import haze_b
    save_image(haze_b(good[None], gen(1))[0], tmp_path/'in'/'misty.png')
    assert main(['restore', str(tmp_path/'in'), str(tmp_path/'out')]) == 0
    said = capsys.readouterr().err
    assert 'good.png: needed nothing' in said and 'misty.png:' in said and '--task haze' in said
    assert main(['restore', str(tmp_path/'in'), str(tmp_path/'half'), '--task', 'haze', '--strength', '.5']) == 0
    assert main(['restore', str(tmp_path/'in'), str(tmp_path/'none'), '--task', 'haze', '--strength', '0']) == 0
    x, half = (load_image(tmp_path/d/"misty.png") for d in ("none", "half"))
    assert torch.equal(x, load_image(tmp_path/'in'/'misty.png')) and (half-x).abs().mean() > .01
    assert main(['restore', str(tmp_path/'in'), str(tmp_path/'x'), '--strength', '3']) == 2
    assert 'expected a number from 0 to 2' in capsys.readouterr().err
