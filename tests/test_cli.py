"The command line on good input: what each command prints, writes and returns."
import csv, json, os, re, select, shutil, signal, struct, subprocess, sys, unicodedata
from io import BytesIO
from pathlib import Path
import numpy as np, pytest
from PIL import Image, ImageFilter
from conftest import NBS, clean_env, digest, ok, refused, run

COMMANDS = 'demo score train restore sweep evaluate experiment exercises doctor completion'.split()

# --- help, doctor ---
def test_help_lists_every_command():
    r = ok('--help')
    for c in COMMANDS: assert re.search(rf'\b{c}\b', r.stdout), c

@pytest.mark.parametrize('command', COMMANDS)
def test_every_command_has_help(command): assert len(ok(command, '--help').stdout.splitlines()) > 2

@pytest.mark.parametrize('args', [('paint',), ('restore',), ('doctor', '--paint')], ids=' '.join)
def test_wrong_usage_is_refused(args): assert refused(*args).returncode == 2

# --- the tab key ---
@pytest.fixture(scope='module')
def script(tmp_path_factory):
    "The scripts, each as a file: {shell: path}"
    d = tmp_path_factory.mktemp('tab')
    for s in ('bash', 'zsh', 'fish'): (d/s).write_text(ok('completion', s).stdout)
    for name in ('photo_a.png', 'runs'): (d/name).touch()
    return {s: d/s for s in ('bash', 'zsh', 'fish')}

TAB = [('re', ['restore']), ('train --preset ', ['smoke', 'demo', 'paper', 'authors']), ('train --preset pa', ['paper']),
       ('restore --ov', ['--overwrite']), ('train --set w_pref', ['w_preference=']), ('completion ', ['bash', 'zsh', 'fish']),
       ('train --set inj', ['injection_lr=']), ('train --iqa ', ['offline', 'paper', 'reference']), ('score --iqa ', ['offline', 'paper']),
       ('train --preset demo ', []), ('restore --weights ', []), ('restore ph', [])]

@pytest.mark.parametrize('typed,offered', TAB, ids=[t or 'nothing' for t, _ in TAB])
def test_bash_completes(script, typed, offered):
    "As bash asks: the words so far, and which of them the cursor is in"
    if not shutil.which('bash'): pytest.skip('no bash')
    ask = 'source "$1"; shift; COMP_WORDS=(qualiteacher "$@"); COMP_CWORD=$#; _qualiteacher; printf "%s\\n" "${COMPREPLY[@]}"'
    r = subprocess.run(['bash', '-c', ask, 'bash', script['bash'], *typed.split(' ')], capture_output=True, text=True)
    assert r.returncode == 0 and not r.stderr and r.stdout.split() == offered

@pytest.mark.parametrize('shell,source', [(['bash', '--norc'], 'bash'), (['zsh', '-f'], 'zsh')], ids=['bash', 'zsh'])
@pytest.mark.parametrize('typed,seen', [('qualiteacher restore --qu', '--quality'), ('qualiteacher train --set steps=5 w_pref', 'w_preference='),
                                        ('qualiteacher restore phot', 'photo_a.png')])
def test_tab_in_a_terminal(script, tmp_path, shell, source, typed, seen):
    "A real shell: the script is sourced, somebody types and presses tab; a file name is completed as ever"
    pty = pytest.importorskip('pty')
    if not shutil.which(shell[0]): pytest.skip(f'no {shell[0]}')
    ours, theirs = pty.openpty()
    p = subprocess.Popen(shell, stdin=theirs, stdout=theirs, stderr=theirs, cwd=script[source].parent, start_new_session=True,
                         env={**os.environ, 'TERM': 'dumb', 'HOME': str(tmp_path), 'HISTFILE': ''})
    os.close(theirs)
    def until(what):
        text = ''
        while what not in text:
            assert select.select([ours], [], [], 60)[0], text
            text += os.read(ours, 4096).decode()
    try:
        os.write(ours, f'source ./{source}; echo ready$((40+2))\n'.encode()); until('ready42')
        os.write(ours, typed.encode()+b'\t'); until(seen)
    finally: p.kill(); p.wait(); os.close(ours)

@pytest.mark.parametrize('typed,offered', [t for t in TAB if t[0] not in ('restore ph', 'restore --weights ', 'train --preset demo ')])
def test_fish_completes(script, typed, offered):
    if not shutil.which('fish'): pytest.skip('no fish')
    r = subprocess.run(['fish', '--no-config', '-c', f'source {script["fish"]}; complete -C "qualiteacher {typed}"'], capture_output=True, text=True)
    assert set(offered) <= {l.split('\t')[0] for l in r.stdout.splitlines()}, r.stdout+r.stderr

def test_the_words_of_the_tab_key_are_the_true_ones():
    "The script is made without torch, so a few words stand in the command line itself: they are those of the library"
    from qualiteacher import cli, conditioning, iqa, pyramid, settings, tasks
    assert cli.WORDS['--preset'].split() == list(settings.PRESETS) and cli.WORDS['--iqa'].split() == list(iqa.IQAEnsemble.PRESETS)
    assert set(cli.WORDS['--kind'].split()) == set(conditioning.KINDS) and cli.WORDS['--task'].split() == list(tasks.TASKS)
    for b in cli.WORDS['--base'].split(): pyramid.load_base(b)
    used = {o: what for words in cli._words().values() for o, what in words.items()}
    assert cli.WORDS['train --iqa'].split() == [*iqa.IQAEnsemble.PRESETS, cli.SEES]
    assert {w.split()[-1] for w in cli.WORDS} <= set(used) and all(used.values()), 'each option says what it is for'

def test_doctor(tmp_path):
    out = ok('doctor', env=clean_env(home=tmp_path)).stdout.lower()
    for word in ('qualiteacher', 'python', 'torch', 'pyiqa', 'cpu', 'brisque', 'musiq', 'clipiqa'): assert word in out, word
    assert re.search(r'\.(pth|pt)\b', out), 'names the weight files that are missing'
    assert str(tmp_path).lower() in out, 'and where to put them'
    assert re.search(r'piqe +works', out) and not re.search(r'hyperiqa +works', out), 'no claim of weights that are missing'

# --- score ---
def test_score(folder):
    r = ok('score', *sorted(folder.iterdir()))
    for f in folder.iterdir():
        row = next(l for l in r.stdout.splitlines() if f.name in l)
        numbers = [float(n) for n in re.findall(r'-?\d+\.\d+', row.split(f.name)[1])]
        assert len(numbers) >= 3, 'at least two metrics and a total or level'
        assert 0 <= numbers[-1] <= 10
    assert 'brisque' in r.stdout.lower() and 'level' in r.stdout.lower()
    assert '3 scored' in r.stderr, 'messages go to the error stream'

def test_score_is_repeatable(folder):
    assert ok('score', folder/'dark.png').stdout == ok('score', folder/'dark.png').stdout

def table(stdout):
    "{name: {column: text}} in the order of the lines"
    head, *lines = stdout.splitlines()
    cols = head.split()
    return {l.split()[0]: dict(zip(cols, l.split())) for l in lines}

def names(stdout): return list(table(stdout))

def test_score_table_is_aligned(folder, photo):
    "Also for names whose characters are two columns wide"
    photo.save(folder/'写真.png')
    lines = ok('score', folder).stdout.splitlines()
    wide = {sum(2 if unicodedata.east_asian_width(c) in 'WF' else 1 for c in l) for l in lines}
    assert len(lines) == 5 and len(wide) == 1, lines
    head = lines[0].split()
    assert head[0] == 'name' and {'semantic', 'brisque'} <= set(head) and head[-2:] == ['total', 'level']

def test_score_mixes_files_and_folders(folder, tmp_path, photo):
    "Once each; equal names in two folders are told apart"
    (tmp_path/'more'/'deep').mkdir(parents=True)
    photo.save(tmp_path/'more'/'deep'/'other.png')
    assert sorted(names(ok('score', folder, tmp_path/'more', folder/'dark.png').stdout)) == \
        ['blurred.png', 'dark.png', 'mirrored.jpg', 'other.png']
    photo.rotate(90).save(tmp_path/'more'/'dark.png')
    rows = names(ok('score', 'photos', 'more', cwd=tmp_path).stdout)
    assert len(rows) == 5 and {'photos/dark.png', 'more/dark.png'} <= set(rows)

@pytest.mark.parametrize('key', ['total', 'name', 'brisque', 'semantic'])
def test_score_sorts(folder, key):
    rows = list(table(ok('score', folder, '--sort', key).stdout).values())
    values = [r[key] if key == 'name' else -float(r[key]) for r in rows]
    assert len(rows) == 3 and values == sorted(values)

def test_score_refuses_an_unknown_order(folder):
    r = refused('score', folder, '--sort', 'beauty')
    for word in ('beauty', 'total', 'name', 'brisque', 'semantic'): assert word in r.stderr, word
    assert 'paper' not in r.stderr and not r.stdout
    r = refused('score', folder, '--sort', 'semantic', '--metrics', 'brisque')
    assert "total, name, brisque, got 'semantic'" in r.stderr, 'only the metrics of this call'

def test_score_with_metrics_of_ones_own(folder):
    both, one, mixed = (table(ok('score', folder, *m).stdout)
                        for m in ((), ('--metrics', 'brisque'), ('--metrics', 'brisque:3,semantic')))
    for name, r in both.items():
        s, b = float(r['semantic']), float(r['brisque'])
        assert set(one[name]) == {'name', 'brisque', 'total', 'level'}
        assert float(one[name]['total']) == float(one[name]['brisque']) == b
        assert abs(float(mixed[name]['total'])-(.75*b+.25*s)) < 2e-3

@pytest.mark.parametrize('metrics', ['beauty', 'brisque:0', 'brisque:-1', 'brisque:nan', 'brisque:much',
                                     'brisque,brisque', ',', ''])
def test_score_refuses_wrong_metrics(folder, metrics):
    r = refused('score', folder, '--metrics', metrics)
    assert 'metrics' in r.stderr and metrics in r.stderr and not r.stdout
    assert 'brisque' in r.stderr and 'semantic' in r.stderr, 'says what there is'

def test_score_takes_metrics_or_a_preset(folder):
    assert refused('score', folder, '--metrics', 'brisque', '--iqa', 'paper').returncode == 2

def test_score_files_agree_with_the_table(folder, tmp_path):
    out = tmp_path/'new'    # folders are made
    r = ok('score', folder, '--sort', 'total', '--csv', out/'s.csv', '--json', out/'s.json')
    shown, data = table(r.stdout), json.loads((out/'s.json').read_text(encoding='utf-8'))
    rows = list(csv.DictReader((out/'s.csv').open(encoding='utf-8', newline='')))
    assert list(shown) == [d['name'] for d in rows] == [d['name'] for d in data['pictures']]
    for c, d in zip(rows, data['pictures']):
        assert Path(d['path']).is_file() and c['path'] == d['path']
        assert {k: float(v) for k, v in c.items() if k not in ('name', 'path')} == \
            {k: v for k, v in d.items() if k not in ('name', 'path')}
        for k in ('semantic', 'brisque', 'total'): assert abs(float(shown[d['name']][k])-d[k]) < 6e-4
        assert abs(d['level']-min(10*d['total'], 7)) < 1e-4 and abs(d['brisque']-(1-d['brisque_raw']/100)) < 1e-4
    assert set(data['weights']) >= {'semantic', 'brisque'} and abs(sum(data['weights'].values())-1) < 1e-6
    assert sorted(f.name for f in out.iterdir()) == ['s.csv', 's.json'], 'no half files'
    assert 's.csv' in r.stderr and 's.json' in r.stderr

def test_score_file_names_that_cannot_be_printed(folder, tmp_path, photo):
    photo.save(folder/'two\nlines, "quoted".png')
    photo.save(io := BytesIO(), 'png')
    Path(os.fsdecode(os.fsencode(folder)+b'/latin\xe9.png')).write_bytes(io.getvalue())
    r = ok('score', folder, '--csv', tmp_path/'s.csv', '--json', tmp_path/'s.json', '--sheet', tmp_path/'s.png')
    assert len(r.stdout.splitlines()) == 6 and 'latin?.png' in r.stdout
    with (tmp_path/'s.csv').open(encoding='utf-8', errors='surrogateescape', newline='') as f:
        assert all(Path(row['path']).is_file() for row in csv.DictReader(f))
    assert all(Path(p['path']).is_file() for p in json.loads((tmp_path/'s.json').read_text())['pictures'])

def cell(sheet, i, cols=3, size=160, foot=34, gap=8, top=28):
    "The picture at place `i` of a contact sheet"
    left, up = gap+i%cols*(size+gap), top+i//cols*(size+foot+gap)
    return sheet.crop((left, up, left+size, up+size))

def test_score_sheet_is_in_the_order_of_the_scores(tmp_path):
    "Three pictures of three colours: the sheet shows them as the table sorts them, whatever --sort says"
    noise = np.random.default_rng(0).integers(0, 50, (128, 160, 3))
    for name, sigma, colour in (('red', 0, 0), ('green', 2, 1), ('blue', 6, 2)):
        a = noise.copy()
        a[..., colour] += 150
        im = Image.fromarray(a.astype(np.uint8)).filter(ImageFilter.GaussianBlur(sigma))
        (tmp_path/'in').mkdir(exist_ok=True)
        im.save(tmp_path/'in'/f'{name}.png')
    best_first = names(ok('score', tmp_path/'in', '--sort', 'total').stdout)
    for sort in ((), ('--sort', 'name')):
        sheet = tmp_path/f's{len(sort)}.png'
        ok('score', tmp_path/'in', '--sheet', sheet, *sort)
        means = [np.asarray(cell(Image.open(sheet), i).crop((20, 60, 140, 150))).reshape(-1, 3).mean(0) for i in range(3)]
        assert [['red', 'green', 'blue'][m.argmax()]+'.png' for m in means] == best_first
    by = names(ok('score', tmp_path/'in', '--sort', 'brisque', '--sheet', tmp_path/'b.png').stdout)
    m = np.asarray(cell(Image.open(tmp_path/'b.png'), 0).crop((20, 60, 140, 150))).reshape(-1, 3).mean(0)
    assert ['red', 'green', 'blue'][m.argmax()]+'.png' == by[0]

def test_score_sheet_of_many_says_what_is_left_out(tmp_path, photo):
    (tmp_path/'in').mkdir()
    small = photo.resize((100, 96))
    for i in range(63): small.point(lambda v: min(255, v+2*i)).save(tmp_path/'in'/f'{i:02}.png')
    r = ok('score', tmp_path/'in', '--sheet', tmp_path/'s.png')
    line = next(l for l in r.stderr.splitlines() if 'left out' in l)
    assert '60 of 63' in line and '3 left out' in line and len(r.stdout.splitlines()) == 64
    assert Image.open(tmp_path/'s.png').size == (10*168+8, 28+6*202)

def in_terminal(*args, stop_at=None, before=()):
    "Exit code, standard output and what a person sees on the error stream; Ctrl-C when `stop_at` shows there"
    pty, fcntl, termios = (pytest.importorskip(m) for m in ('pty', 'fcntl', 'termios'))
    ours, theirs = pty.openpty()
    fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack('HHHH', 24, 80, 0, 0))    # rows, columns: a bar needs some
    p = subprocess.Popen([*before, Path(sys.executable).with_name('qualiteacher'), *args], env=clean_env(), text=True,
                         stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=theirs,
                         preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL))
    os.close(theirs)
    seen = ''
    try:
        while part := os.read(ours, 4096):
            seen += part.decode()
            if stop_at and re.search(stop_at, seen): p.send_signal(signal.SIGINT); stop_at = None
    except OSError: pass    # the other end is closed
    stdout, code = p.stdout.read(), p.wait(300)
    os.close(ours)
    return code, stdout, seen

def test_score_shows_a_bar_to_a_person_only(folder):
    "In a terminal; never in a log, and never among the results"
    r = ok('score', folder)
    assert 'scoring' not in r.text and '\r' not in r.text
    code, stdout, seen = in_terminal('score', folder)
    assert code == 0 and re.search(r'scoring.*/3', seen) and stdout == r.stdout

def test_score_interrupted_keeps_what_is_done(tmp_path, photo):
    (tmp_path/'in').mkdir()
    for i in range(80): photo.resize((800, 640)).save(tmp_path/'in'/f'{i:02}.jpg')
    code, stdout, seen = in_terminal('score', tmp_path/'in', '--csv', tmp_path/'s.csv', stop_at=r'[1-9]\d*/80')
    rows = list(csv.DictReader((tmp_path/'s.csv').open(newline='')))
    assert code == 130 and 0 < len(rows) < 80 and names(stdout) == [r['name'] for r in rows]
    assert f'interrupted: {len(rows)} of 80' in seen and 'Traceback' not in seen

# --- restore, sweep ---
def test_restore_a_file(folder, tmp_path):
    src, dst = folder/'dark.png', tmp_path/'out.png'
    ok('restore', src, dst)
    a, b = Image.open(src), Image.open(dst)
    assert a.size == b.size and a.tobytes() != b.tobytes()

def test_restore_a_folder(folder, tmp_path):
    before, dst = digest(folder), tmp_path/'new'/'out'
    ok('restore', folder, dst)
    assert sorted(f.stem for f in dst.iterdir()) == sorted(f.stem for f in folder.iterdir())
    assert digest(folder) == before

def test_restore_is_repeatable(folder, tmp_path):
    for n in 'ab': ok('restore', folder/'dark.png', tmp_path/f'{n}.png')
    assert (tmp_path/'a.png').read_bytes() == (tmp_path/'b.png').read_bytes()

def test_restore_keeps_odd_sizes(tmp_path, photo):
    photo.crop((0, 0, 101, 67)).save(tmp_path/'odd.png')
    ok('restore', tmp_path/'odd.png', tmp_path/'out.png')
    assert Image.open(tmp_path/'out.png').size == (101, 67)

@pytest.mark.parametrize('quality', ['-1', '7.5', 'high'])
def test_restore_refuses_a_wrong_level(folder, tmp_path, quality):
    r = refused('restore', folder/'dark.png', tmp_path/'out.png', '--quality', quality)
    assert 'quality' in r.stderr and quality in r.stderr and not (tmp_path/'out.png').exists()

def test_restore_refuses_what_is_not_a_checkpoint(folder, tmp_path):
    (tmp_path/'w.safetensors').write_bytes(b'not weights')
    for w in ('w.safetensors', 'absent.safetensors'):
        assert w in refused('restore', folder/'dark.png', tmp_path/'out.png', '--weights', tmp_path/w).stderr
    assert not (tmp_path/'out.png').exists()

def test_sweep(folder, tmp_path):
    ok('sweep', folder/'dark.png', tmp_path/'sweep.png')
    assert Image.open(tmp_path/'sweep.png').width > 2*160

# --- train, demo ---
def test_train_then_restore(folder, tmp_path):
    run_dir = tmp_path/'run'
    ok('train', '--real', folder, '--base', 'lowlight', '--out', run_dir, '--preset', 'smoke')
    made = list(run_dir.rglob('*.safetensors'))    # the student alone; what resumes a run is another file
    assert made, 'a student'
    ok('restore', folder/'dark.png', tmp_path/'out.png', '--weights', made[0])
    assert Image.open(tmp_path/'out.png').size == (160, 128)

def test_train_refuses_a_base_that_does_not_exist(folder, tmp_path):
    r = refused('train', '--real', folder, '--base', 'moonlight', '--out', tmp_path/'run', '--preset', 'smoke')
    assert 'moonlight' in r.stderr and 'lowlight' in r.stderr, 'says which there are'

@pytest.mark.parametrize('words,start', [(['--steps', '20'], 10), (['--steps', '1'], 0), (['--set', 'steps=44'], 24), (['--steps', '121'], 120),
                                         (['--steps', '2000'], 120), (['--steps', '20', '--set', 'preference_start=3'], 3),
                                         (['--preset', 'paper', '--steps', '100'], 20)])
def test_a_short_run_keeps_the_share_of_its_preference(words, start, capsys):
    "Somebody who wants only a few steps need not know when the preset lets the preference begin"
    from qualiteacher import cli
    cfg = cli._config(cli._parser().parse_args(['train', '--real', 'photos', '--out', 'run', *words]))
    assert cfg.preference_start == start
    assert ('note: preference from step' in capsys.readouterr().err) == (start not in (120, 3))

def test_a_preference_that_is_asked_for_too_late_is_refused(folder, tmp_path):
    r = refused('train', '--real', folder, '--out', tmp_path/'run', '--set', 'steps=20', 'preference_start=30')
    assert 'preference_start: expected a step before steps=20' in r.stderr

def test_exercises_say_what_is_missing(tmp_path):
    assert 'expected either a folder' in refused('exercises', NBS/'lessons').stderr
    r = refused('exercises', tmp_path/'none', tmp_path/'out')
    assert 'not copied' in r.stderr and 'none' in r.stderr

def check_report(out):
    "The two reports of a demo: self-contained, and about the same run"
    page, numbers = (out/'report.html').read_text(encoding='utf-8'), json.loads((out/'report.json').read_text())
    assert not re.search(r'''(?:src|href)\s*=\s*["'](?!data:|#)''', page), 'needs no other file and no network'
    assert page.count('data:image/') >= 5
    for word in ('base', 'teacher', 'student', 'seed', 'one run'): assert word in page.lower(), word
    finite = json.dumps(numbers, allow_nan=False)    # raises on NaN and infinity
    for word in ('share', 'gate', 'seed', 'psnr', 'ssim'): assert word in finite.lower(), word
    assert [f for f in out.rglob('*') if f.suffix in ('.safetensors', '.pt')]

def test_demo_at_smoke_size(tmp_path):
    r = ok('demo', '--preset', 'smoke', cwd=tmp_path, env=clean_env(home=tmp_path))
    check_report(tmp_path/'runs'/'demo')
    assert 'report.html' in r.stdout.splitlines()[-1] + r.stdout.splitlines()[-2], 'ends with the path of the report'

@pytest.mark.slow
def test_demo(tmp_path, record_property):
    r = ok('demo', cwd=tmp_path, env=clean_env(home=tmp_path), timeout=4*300)
    check_report(tmp_path/'runs'/'demo')
    record_property('budget', ('qualiteacher demo', r.seconds, 300))

def test_each_task_has_its_restorer(folder, tmp_path):
    for t in ('lowlight', 'haze', 'underwater'):
        r = ok('restore', folder, tmp_path/t, '--task', t)
        assert f"'task': '{t}'" in r.stdout+r.stderr
    a, b = (sorted((tmp_path/t).rglob('*.*'))[0].read_bytes() for t in ('haze', 'underwater'))
    assert a != b
    assert "did you mean 'haze'" in refused('restore', folder, tmp_path/'x', '--task', 'hase').stderr
    r = ok('evaluate', '--real', folder, '--short', '96', '--task', 'haze', timeout=240)
    assert 'dark channel 0.8' in r.stdout and 'shipped at 7' in r.stdout and 'gamma' not in r.stdout

def test_evaluate_writes_a_page(folder, tmp_path):
    page = tmp_path/'compare.html'
    ok('evaluate', '--real', folder, '--short', '96', '--page', page, timeout=240)
    text = page.read_text()
    assert 'data:image/' in text and 'shipped at 7' in text and 'dark.png' in text and page.stat().st_size < 3e6
    refused('evaluate', '--real', folder, '--page', page)                       # it is kept
    assert '--page' in refused('evaluate', '--data', f'lol:{folder}', '--page', tmp_path/'b.html').stderr
    assert '.html' in refused('evaluate', '--real', folder, '--page', tmp_path/'b.txt').stderr

def test_a_student_of_your_own_network(folder, tmp_path):
    "Its module lies in the working folder; without leave nothing of it is imported"
    (tmp_path/'mine.py').write_text('import torch\nfrom pathlib import Path\nPath("imported").touch()\n'
        'def make(): return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3, padding=1), torch.nn.GELU(), torch.nn.Conv2d(8, 3, 3, padding=1))\n')
    save = ('import sys; sys.path.append(""); from mine import make; from qualiteacher.conditioning import QualityConditioned as Q; '
            'from qualiteacher.inference import save_student; save_student(Q(make(), at="0", kind="film"), "own.safetensors", net="mine:make")')
    assert run([sys.executable, '-c', save], cwd=tmp_path).returncode == 0
    (tmp_path/'imported').unlink()
    args = ('restore', folder/'dark.png', tmp_path/'out.png', '--weights', 'own.safetensors')
    assert '--allow mine:make' in refused(*args, cwd=tmp_path).stderr and not (tmp_path/'imported').exists()
    ok(*args, '--allow', 'mine:make', cwd=tmp_path)
    assert (tmp_path/'out.png').is_file() and (tmp_path/'imported').exists()
