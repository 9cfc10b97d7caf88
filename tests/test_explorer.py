"Explorers without a browser: every control at both of its ends, hostile run folders, the reader's mistakes."
import io, json, threading, time
import pytest, torch
import ipywidgets as widgets
from PIL import Image
from conftest import NBS
from qualiteacher import explorer as ex
from qualiteacher.backbones import RestorationUNet
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.images import save_image
from qualiteacher.iqa import IQAEnsemble

class Judge(IQAEnsemble):
    "One cheap member beside another, so that the widgets are tested and not the scorers"
    def __init__(self): super().__init__({'nss': .6, 'brisque': .4})

@pytest.fixture(scope='module')
def parts():
    "Small pictures, an untrained student, a quick judge"
    g = torch.Generator().manual_seed(0)
    smooth = lambda: torch.nn.functional.interpolate(torch.rand(1, 3, 12, 15, generator=g), (96, 120), mode='bicubic')[0].clamp(0, 1)
    photos = {n: (.3*y, y) for n, y in ((n, smooth()) for n in ('first', 'second'))}
    photos['a real night'] = (.2*smooth(), None)
    torch.manual_seed(0)
    student = QualityConditioned(RestorationUNet(8), at=['middle'], kind='film').eval()
    for p in student.condition.parameters(): torch.nn.init.normal_(p, std=.2)
    torch.nn.init.normal_(student.net.head.weight, std=.05)
    return dict(photos=photos, student=student, iqa=Judge())

def ends(control):
    "First and last value of a control"
    if isinstance(control, widgets.Checkbox): return [False, True]
    if isinstance(control, widgets.IntSlider): return [control.min, control.max]
    if hasattr(control, 'options') and not isinstance(control, widgets.Combobox):
        values = [o[1] if isinstance(o, tuple) else o for o in control.options]
        return [values[0], values[-1]]
    return None

def size(box): return Image.open(io.BytesIO(box.image.value)).size

def sweep_controls(box):
    "Moves every control to both ends, the others where they are; returns the controls that changed the picture"
    assert not box.note.value and size(box)[0] >= 900
    changed = set()
    for n, c in box.controls.items():
        if ends(c) is None: continue
        start, seen = c.value, {box.image.value}
        for v in ends(c):
            c.value = v
            assert not box.note.value, f'{n}={v}: {box.note.value}'
            seen.add(box.image.value)
        c.value = start
        if len(seen) > 1: changed.add(n)
    return changed

def make(name, parts):
    p = parts
    if name == 'dial': return ex.explore_dial(p['photos'], p['student'], p['iqa'])
    if name == 'candidates': return ex.explore_candidates(p['photos'], p['student'], p['iqa'])
    if name == 'damage': return ex.explore_damage({n: y for n, (_, y) in p['photos'].items() if y is not None}, p['iqa'])
    if name == 'bank': return ex.explore_bank(ex.bank_data(p['photos'], p['student'].net, p['student'], p['iqa'], 3, short=96))
    if name == 'preference': return ex.explore_preference(NBS/'data')
    if name == 'attack': return ex.explore_attack(p['photos'], p['student'], p['iqa'], steps=3)
    if name == 'encoding': return ex.explore_encoding()

@pytest.mark.parametrize('name,still', [('dial', set()), ('candidates', set()), ('damage', set()), ('bank', {'number'}),
                                        ('preference', set()), ('attack', set()), ('encoding', set())])
def test_every_control_at_both_ends(name, still, parts):
    "`still`: controls that do nothing where the others stand (the number, while the gate works by share)"
    box = make(name, parts)
    assert isinstance(box, widgets.VBox) and 'Look' in box.children[0].value
    assert set(box.controls) - sweep_controls(box) == still

def test_the_number_of_the_gate_acts_once_it_is_chosen(parts):
    box = make('bank', parts)
    box.controls['gate'].value = 'number'
    assert 'number' in sweep_controls(box)

def test_a_slow_part_is_made_once_a_picture(parts, monkeypatch):
    "Moving the dial only draws"
    calls = []
    real = ex.restore
    monkeypatch.setattr(ex, 'restore', lambda *a, **k: calls.append(1) or real(*a, **k))
    box = make('dial', parts)
    made = len(calls)
    assert made == len(ex.LEVELS)
    for v in (0., 3.5, 7.): box.controls['level'].value = v
    assert len(calls) == made
    box.controls['photo'].value = 'second'
    box.controls['photo'].value = 'first'
    assert len(calls) == 2*made

def test_no_figure_stays_open(parts):
    import matplotlib.pyplot as plt
    before = plt.get_fignums()
    box = make('encoding', parts)
    for v in (0, 300, 0): box.controls['step'].value = v
    assert plt.get_fignums() == before

def test_the_readers_mistakes_become_a_sentence(parts):
    with pytest.raises(ValueError, match='resize one of them'):
        ex.explore_dial({'odd': (torch.rand(3, 100, 100), torch.rand(3, 100, 120))}, parts['student'], parts['iqa'])
    with pytest.raises(ValueError, match='at least 96'): ex.explore_damage({'tiny': torch.rand(3, 40, 40)}, parts['iqa'])
    with pytest.raises(FileNotFoundError, match='preference.json'): ex.explore_preference('nowhere')
    box = make('damage', parts)
    for n in parts['iqa'].weights: box.controls[f'{n}'].value = 0.
    assert 'one above 0' in box.note.value and box.image.layout.display == 'none'
    box.controls['nss'].value = 1.
    assert not box.note.value and box.image.layout.display is None

def test_other_errors_are_not_hidden():
    with pytest.raises(ZeroDivisionError): ex.panel('', lambda n: 1/n, n=ex.slider('n', [0, 1], 0))

# --- runs ---
def lines(n, start=0):
    return [dict(step=s, total=1/(s+1), label=.5/(s+1), pairs=.5/(s+1), levels=[s % 8, 7.], **({'shares': {'label': .6, 'pairs': .4}} if s % 5 == 0 else {}))
            for s in range(start, start+n)]

def write(folder, rows, tail=''):
    folder.mkdir(exist_ok=True, parents=True)
    (folder/'log.jsonl').write_text(''.join(json.dumps(r) + '\n' for r in rows) + tail)
    return folder

def test_the_old_format_is_enough(tmp_path):
    "Only training lines: no settings, no measurement, no pictures"
    run = ex.read_run(write(tmp_path/'old', lines(12)))
    assert run['steps'] == list(range(12)) and not run['meter'] and not run['pictures'] and run['config'] == {}
    assert len(ex.as_png(ex.render_run(run))) > 5000

def test_the_new_format(tmp_path):
    d = write(tmp_path/'new', [*lines(10), {'step': 9, 'meter': {'reward': [.5, .01], 'psnr': 17.5}}, {'step': 9, 'meter': {'reward': .6}}])
    (d/'config.json').write_text(json.dumps({'steps': 10}))
    (d/'report.json').write_text('{"meter": {}}')
    (d/'pictures').mkdir()
    for s in (5, 10): save_image(torch.rand(3, 40, 120), d/'pictures'/f'step-{s:06d}.jpg')
    run = ex.read_run(d)
    assert run['meter'] == [(9, {'reward': [.5, .01], 'psnr': [17.5, 0.]}), (9, {'reward': [.6, 0.]})]
    title = ex.render_run(run)._suptitle.get_text()
    assert title == 'new: 10 steps of 10, finished'
    for back in (0, 1, 20):
        for column in ('psnr', 'reward', 'no such column'): assert ex.as_png(ex.render_run(run, 1, column, back))

@pytest.mark.parametrize('tail', ['{"step": 12, "tot', '{', '\n', '{"step": 12, "total": 0.1, "levels": [1.0, 2', '\xff\xfe'])
def test_a_half_written_line_is_left_for_the_next_look(tmp_path, tail):
    d = write(tmp_path/'run', lines(12))
    with (d/'log.jsonl').open('ab') as f: f.write(tail.encode('latin-1'))
    run = ex.read_run(d)
    assert run['steps'] == list(range(12)) and run['unreadable'] == 0

def test_lines_torn_in_the_middle_are_counted(tmp_path):
    d = write(tmp_path/'run', lines(3), '{"step": 3, "to\n' + json.dumps(lines(1, 4)[0]) + '\n[1, 2]\nnull\n"text"\n')
    run = ex.read_run(d)
    assert run['steps'] == [0, 1, 2, 4] and run['unreadable'] == 1
    assert '1 lines unreadable' in ex.render_run(run)._suptitle.get_text()

def test_an_empty_run_and_one_with_odd_numbers(tmp_path):
    assert ex.as_png(ex.render_run(ex.read_run(write(tmp_path/'empty', []))))
    odd = [{'step': 0, 'total': float('nan'), 'levels': []}, {'step': 1, 'total': 1e9, 'label': float('inf')}, {'step': 2, 'total': 0}]
    assert ex.as_png(ex.render_run(ex.read_run(write(tmp_path/'odd', odd))))

def test_files_that_are_being_written(tmp_path):
    d = write(tmp_path/'run', lines(3))
    (d/'config.json').write_text('{"steps": 1')
    (d/'pictures').mkdir(); (d/'pictures'/'step-000003.jpg').write_bytes(b'\xff\xd8half')
    run = ex.read_run(d)
    assert run['config'] == {} and ex.as_png(ex.render_run(run))

def test_a_missing_folder_helps(tmp_path):
    box = ex.explore_run(tmp_path/'nothing')
    assert 'expected a run with a log.jsonl' in box.note.value
    write(tmp_path/'nothing', lines(4))
    box.refresh.click()
    assert not box.note.value and size(box)[0] >= 900

def wait(condition, seconds=20):
    until = time.time() + seconds
    while not condition() and time.time() < until: time.sleep(.05)
    return condition()

def test_following_a_writer(tmp_path):
    "A run that grows, torn lines included, while the dashboard looks at it; it stops when told to, and when it is closed"
    d = write(tmp_path/'run', lines(2))
    box = ex.explore_run(d, seconds=.1)
    others = set(threading.enumerate())
    box.follow.value = True
    thread, = set(threading.enumerate()) - others
    for s in range(2, 12):
        text, before = json.dumps(lines(1, s)[0]), box.image.value
        with (d/'log.jsonl').open('a') as f: f.write(text[:9]); f.flush(); time.sleep(.15); f.write(text[9:] + '\n')
        assert wait(lambda: box.image.value != before) and not box.note.value
    box.follow.value = False
    assert wait(lambda: not thread.is_alive())
    box.follow.value = True
    thread, = set(threading.enumerate()) - others
    box.close()
    assert wait(lambda: not thread.is_alive())

def test_the_dashboards_controls(tmp_path):
    d = write(tmp_path/'run', [*lines(30), *({'step': s, 'meter': {'reward': .1*s, 'psnr': 20-s}} for s in range(3))])
    (d/'pictures').mkdir()
    for s, v in ((10, .2), (20, .8)): save_image(torch.full((3, 40, 120), v), d/'pictures'/f'step-{s:06d}.jpg')
    assert sweep_controls(ex.explore_run(d)) == {'window', 'back'}
