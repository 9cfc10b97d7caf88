"Photographs as they are: what `restore` keeps of each kind, where it writes, and folders as people have them."
import errno, hashlib, io, json, os, re, resource, shutil, struct, subprocess, sys, zlib
from pathlib import Path
import numpy as np, pytest, torch
from PIL import Image, ImageCms, ImageOps
from conftest import ROOT, clean_env, digest, run
from test_cli import in_terminal
from qualiteacher import cli, images
from qualiteacher.cli import EXAMPLES, _parser, main
from qualiteacher.images import Photo, list_images, load_image, load_photo, save_photo, scan_folder

GREY = Image.linear_gradient('L').resize((48, 32))
RGB = Image.merge('RGB', [GREY, GREY.transpose(0), GREY.rotate(180)])       # every corner has a colour of its own

def matrix_profile(name='Wide', gamma=2.2, m=((.6097, .3111, .0195), (.2053, .6257, .0609), (.1492, .0632, .7446))):
    "An ICC profile of other primaries than sRGB"
    fixed = lambda vs: b''.join(struct.pack('>i', round(v*65536)) for v in vs)
    white, text = fixed((.9642, 1., .8249)), name.encode()
    tags = [(b'desc', b'desc'+bytes(4)+struct.pack('>I', len(text)+1)+text+bytes(79)), (b'wtpt', b'XYZ '+bytes(4)+white)]
    tags += [(k+b'XYZ', b'XYZ '+bytes(4)+fixed(c)) for k, c in zip((b'r', b'g', b'b'), m)]
    tags += [(k+b'TRC', b'curv'+bytes(4)+struct.pack('>IH', 1, round(gamma*256))+bytes(2)) for k in (b'r', b'g', b'b')]
    at, table, data = 132+12*len(tags), b'', b''
    for k, d in tags:
        table += k+struct.pack('>II', at+len(data), len(d)); data += d+bytes(-len(d)%4)
    head = struct.pack('>I4sI4s4s4s', at+len(data), b'none', 0x2400000, b'mntr', b'RGB ', b'XYZ ')+bytes(12)+b'acsp'+bytes(28)
    return head+white+bytes(48)+struct.pack('>I', len(tags))+table+data
WIDE = matrix_profile()

def camera(orientation=6):
    "What a camera writes about itself"
    ex = Image.Exif()
    ex[0x112], ex[0x110], ex[0x132] = orientation, 'Pocket 7', '2026:05:01 12:00:00'
    ex[0x8769] = {0x829a: (1, 50), 0xA002: 48, 0xA003: 32}
    ex[0x8825] = {1: 'N', 2: (48., 8., 0.)}
    (read := Image.Exif()).load(ex.tobytes())
    return read

def restored(src, *more):
    "Restore beside; the result's path"
    assert main(['restore', str(src), *more]) == 0
    return src.with_name(f'{src.stem}_restored{src.suffix}')

@pytest.fixture(autouse=True, scope='module')
def one_thread():
    "Pictures of some thousand pixels: more threads would only wait for each other"
    n = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(n)

@pytest.fixture(autouse=True)
def one_student(monkeypatch, _made={}):
    "The shipped student, read once for all tests of this file that run in this process"
    if not _made: _made.update(it=cli._student(None))
    monkeypatch.setattr(cli, '_student', lambda weights, allow=(), name='lowlight': _made['it'])

# --- what is kept ---
@pytest.mark.parametrize('kind', ['jpg', 'png', 'tif', 'webp'])
def test_exif_and_profile_are_kept_and_the_picture_is_upright(tmp_path, kind):
    RGB.save(f := tmp_path/f'a.{kind}', exif=camera(), icc_profile=WIDE)
    with Image.open(out := restored(f)) as im:
        ex = im.getexif()
        assert im.size == (32, 48) and ex.get(0x112, 1) == 1, 'turned once, and the flag is gone'
        assert (ex[0x110], ex[0x132], ex.get_ifd(0x8825)[1]) == ('Pocket 7', '2026:05:01 12:00:00', 'N')
        assert (ex.get_ifd(0x8769)[0xA002], ex.get_ifd(0x8769)[0xA003]) == (32, 48), 'the size is the new one'
        assert im.info['icc_profile'] == WIDE and im.format == {'jpg': 'JPEG', 'tif': 'TIFF'}.get(kind, kind.upper())
    assert out.name == f'a_restored.{kind}'

@pytest.mark.parametrize('o', range(1, 9))
@pytest.mark.parametrize('kind', ['png', 'tiff'])
def test_all_eight_orientations(tmp_path, kind, o):
    "As Pillow turns an 8-bit PNG; at 16 bits too"
    ex = Image.Exif(); ex[0x112] = o
    RGB.save(f := tmp_path/f'a.{kind}', exif=ex)
    want = RGB.copy(); want.getexif()[0x112] = o
    want = torch.from_numpy(np.array(ImageOps.exif_transpose(want))).permute(2, 0, 1)
    assert torch.equal(load_photo(f).x, want) and torch.equal(load_image(f), want/255)
    deep = torch.from_numpy(np.array(RGB)).permute(2, 0, 1)/255
    save_photo(deep, f, Photo(deep, bits=16))
    data = f.read_bytes()
    if kind == 'png': f.write_bytes(data[:33]+chunk(b'eXIf', ex.tobytes()[6:])+data[33:])
    else: return
    assert torch.equal((load_photo(f).x*255).round().byte(), want)

def chunk(kind, data): return struct.pack('>I', len(data))+kind+data+struct.pack('>I', zlib.crc32(kind+data))

@pytest.mark.parametrize('kind', ['png', 'tif'])
@pytest.mark.parametrize('grey', [False, True])
@pytest.mark.parametrize('alpha', [False, True])
def test_sixteen_bits_stay_sixteen(tmp_path, kind, grey, alpha):
    x = torch.rand(3, 32, 48, generator=torch.Generator().manual_seed(0))
    x = x[:1].repeat(3, 1, 1) if grey else x
    save_photo(x, f := tmp_path/f'a.{kind}', Photo(x, x[:1]*.5 if alpha else None, grey, 16, WIDE))
    p = load_photo(f)
    assert (p.x-x).abs().max() < 1e-5 and p.bits == 16 and p.icc == WIDE
    q = load_photo(restored(f))
    assert q.bits == 16 and q.icc == WIDE and q.x[0].unique().numel() > 512, 'more than 8 bits can say'
    if alpha: assert torch.equal(q.alpha, p.alpha), 'transparency is not restored'
    if grey and not alpha: assert q.grey
    if grey: assert (q.x[0]-q.x[1]).abs().max() == 0, 'no tint'

def test_sixteen_bits_as_other_programs_write_them(tmp_path):
    "Big-endian, tiled, predicted: read by Pillow twice, compared with another library"
    tifffile = pytest.importorskip('tifffile')
    a = np.random.default_rng(0).integers(0, 65536, (40, 50, 3)).astype(np.uint16)
    for kw in ({}, dict(compression='zlib'), dict(compression='zlib', predictor=True), dict(tile=(16, 16)), dict(byteorder='>')):
        tifffile.imwrite(f := tmp_path/'a.tif', a, photometric='rgb', **kw)
        assert np.abs(load_image(f).permute(1, 2, 0).numpy()*65535-a).max() < .01, kw
    save_photo(torch.from_numpy(a.astype(np.float32)/65535).permute(2, 0, 1), tmp_path/'b.tif', Photo(torch.empty(3, 40, 50), bits=16))
    assert (tifffile.imread(tmp_path/'b.tif') == a).all()

def test_alpha_and_palette(tmp_path):
    "Alpha comes back as it was; where the format has none, the picture is shown on white, and it is said"
    im = RGB.copy(); im.putalpha(GREY); im.save(tmp_path/'a.png')
    assert torch.equal(load_photo(restored(tmp_path/'a.png')).alpha, load_photo(tmp_path/'a.png').alpha)
    RGB.quantize(16).save(tmp_path/'p.png', transparency=3)
    assert Image.open(restored(tmp_path/'p.png')).mode == 'RGBA'

def test_jpeg_says_what_it_cannot_hold(tmp_path, capsys):
    im = RGB.copy(); im.putalpha(0); im.save(tmp_path/'a.png')
    assert main(['restore', str(tmp_path/'a.png'), str(tmp_path/'out.jpg')]) == 0
    assert 'a.png: alpha channel, kept; .jpg cannot hold: alpha, shown on white' in capsys.readouterr().err
    assert np.asarray(Image.open(tmp_path/'out.jpg')).min() == 255

@pytest.mark.parametrize('mode,kind', [('L', 'png'), ('L', 'jpg'), ('LA', 'png'), ('1', 'png')])
def test_grey_stays_grey(tmp_path, mode, kind):
    GREY.convert(mode).save(f := tmp_path/f'a.{kind}')
    assert Image.open(restored(f)).mode in ('L', 'LA') and load_photo(f).grey

def test_cmyk_becomes_srgb_with_a_word(tmp_path, capsys):
    RGB.convert('CMYK').save(f := tmp_path/'a.jpg', quality=95)
    assert Image.open(restored(f)).mode == 'RGB' and 'CMYK, converted to sRGB' in capsys.readouterr().err
    assert (load_image(f)-torch.from_numpy(np.array(RGB)).permute(2, 0, 1)/255).abs().mean() < .02

@pytest.mark.parametrize('kind', ['gif', 'png', 'webp', 'tiff'])
def test_of_an_animation_the_first_frame_with_a_word(tmp_path, kind, capsys):
    RGB.save(f := tmp_path/f'a.{kind}', save_all=True, append_images=[RGB.rotate(180), RGB.transpose(1)])
    assert main(['restore', str(f), str(tmp_path/'out.png')]) == 0
    assert re.search(r'[23] frames, the first one is used', capsys.readouterr().err)
    assert (load_image(f)-torch.from_numpy(np.array(RGB)).permute(2, 0, 1)/255).abs().mean() < .06

@pytest.mark.parametrize('name,data,says', [('a.heic', b'', 'HEIC is not read'), ('a.jpg', b'\0\0\0\x18ftypheic'+bytes(40), 'HEIC is not read'),
                                            ('a.nef', b'II*\0', 'camera raw')])
def test_heic_and_raw_files_get_a_clear_word(tmp_path, name, data, says, capsys):
    (tmp_path/name).write_bytes(data)
    assert main(['restore', str(tmp_path/name)]) == 1 and says in capsys.readouterr().err
    RGB.save(tmp_path/'b.png')                       # and in a folder they do not stop the others
    assert main(['restore', str(tmp_path), str(tmp_path/'out')]) == 0 and says in capsys.readouterr().err

def test_a_judge_sees_the_same_picture_in_another_colour_space(tmp_path):
    "The same colours as sRGB and as wide numbers: one tensor, up to rounding; the bare numbers are far apart"
    im = Image.blend(RGB, Image.new('RGB', RGB.size, (128,)*3), .5)
    im.save(tmp_path/'s.png')
    wide = ImageCms.profileToProfile(im, ImageCms.createProfile('sRGB'), ImageCms.ImageCmsProfile(io.BytesIO(WIDE)))
    wide.save(tmp_path/'w.png', icc_profile=WIDE)
    a, b = load_image(tmp_path/'s.png'), load_image(tmp_path/'w.png')
    assert (a-b).abs().max() < 3/255 and (load_photo(tmp_path/'w.png').x/255-a).abs().max() > 8/255
    assert "'Wide', converted" in scan_folder(tmp_path)[2]['w.png']

def test_a_profile_and_exif_that_are_none_are_left_out(tmp_path, capsys):
    RGB.save(f := tmp_path/'a.png', icc_profile=b'no profile', exif=b'Exif\0\0II*\0\xff\xff\xff\xff')
    out = restored(f)
    assert 'profile that is none' in capsys.readouterr().err and 'icc_profile' not in Image.open(out).info

# --- sizes that cannot be meant ---
def bomb(path, side=60000):
    "A PNG of 3.6 thousand million pixels, in some hundred bytes"
    head = struct.pack('>IIBBBBB', side, side, 8, 2, 0, 0, 0)
    path.write_bytes(b'\x89PNG\r\n\x1a\n'+chunk(b'IHDR', head)+chunk(b'IDAT', zlib.compress(bytes(10**5)))+chunk(b'IEND', b''))
    return path

def test_a_decompression_bomb_is_refused_before_it_is_decoded(tmp_path, capsys, monkeypatch):
    decoded = []
    monkeypatch.setattr(Image.Image, 'load', lambda self: decoded.append(self.size))
    for command in ('restore', 'score'): assert main([command, str(bomb(tmp_path/'b.png'))]) == 1
    said = capsys.readouterr().err
    assert said.count('too large, refused before it was decoded') == 2 and '3600000000 pixels' in said and not decoded

def test_eighty_times_that_fit_are_no_bomb(tmp_path):
    "Between Pillow's warning and its limit: read without a word"
    Image.new('L', (10000, 9500)).save(tmp_path/'a.png')
    assert scan_folder(tmp_path/'a.png')[2] == {'a.png': 'grey, copied to three channels'}

# --- where it is written ---
def test_beside_or_into_a_folder_and_never_over_an_original(tmp_path, capsys):
    (d := tmp_path/'photos').mkdir()
    for n in ('a.png', 'b.jpg'): RGB.save(d/n)
    before = digest(d)
    assert main(['restore', str(d)]) == 0 and {f.name for f in (tmp_path/'photos_restored').iterdir()} == {'a.png', 'b.jpg'}
    (tmp_path/'link.png').symlink_to(d/'a.png'); os.link(d/'a.png', tmp_path/'hard.png')
    for dst in (d, d/'a.png', tmp_path/'link.png'):
        assert main(['restore', str(d/'a.png'), str(dst), '--overwrite']) == 1
    assert main(['restore', str(d), str(tmp_path/'hard.png'), '--overwrite']) == 1, 'a folder into a file'
    assert main(['restore', str(d), str(d/'out')]) == 0
    assert main(['restore', str(d), str(d/'out'), '--overwrite']) == 0 and not (d/'out'/'out').exists(), 'results are no sources'
    assert {f.name for f in (d/'out').iterdir()} == {'a.png', 'b.jpg'}
    assert all(hashlib.sha256((d/n).read_bytes()).hexdigest() == before[n] for n in before), 'the originals are as they were'

def test_a_program_reads_the_result(tmp_path):
    (d := tmp_path/'in').mkdir()
    RGB.save(d/'a.png'); (d/'b.png').write_text('none')
    assert main(['restore', str(d), str(tmp_path/'out'), '--quality', '3', '--json', str(tmp_path/'r.json')]) == 0
    r = json.loads((tmp_path/'r.json').read_text())
    assert r['level'] == 3 and [Path(x['result']).name for x in r['restored']] == ['a.png'] and 'b.png' in list(r['skipped'])[0]
    assert main(['restore', str(d), str(tmp_path/'o2'), '--json', str(tmp_path/'r.json')]) == 1, 'said before the work'
    assert not (tmp_path/'o2').exists()

# --- folders as people have them ---
def test_names_of_all_kinds(tmp_path, capfd):
    (d := tmp_path/'in').mkdir()
    RGB.save(io_ := io.BytesIO(), 'png')
    names = [b'with space.png', '🌃 at night.png'.encode(), b'latin\xe9.png', b'-dash.png', b'two\nlines.png', b'x'*230+b'.png', b'UPPER.PNG']
    for n in names: Path(os.fsdecode(os.fsencode(d)+b'/'+n)).write_bytes(io_.getvalue())
    assert main(['restore', str(d), str(tmp_path/'out')]) == 0
    assert sorted(os.listdir(os.fsencode(tmp_path/'out'))) == sorted(names) and 'Traceback' not in capfd.readouterr().err

def test_links_go_round_and_lead_nowhere(tmp_path, capsys):
    (d := tmp_path/'in'/'deep').mkdir(parents=True)
    RGB.save(d/'a.png')
    (d/'round').symlink_to(tmp_path/'in'); (d/'self.png').symlink_to(d/'self.png'); (d/'gone.png').symlink_to(d/'none.png')
    for command in (['restore', str(tmp_path/'in'), str(tmp_path/'out')], ['score', str(tmp_path/'in')]):
        assert main(command) == 0
        said = capsys.readouterr().err
        assert 'round: a link to a folder, not followed' in said and 'self.png' in said and 'gone.png' in said
    assert [f.name for f in (tmp_path/'out').rglob('*.png')] == ['a.png']

def test_a_thousand_files_are_listed_at_once_and_none_is_opened(tmp_path, monkeypatch):
    for i in range(1000):
        (tmp_path/f'{i//100}').mkdir(exist_ok=True); (tmp_path/f'{i//100}'/f'{i}.jpg').write_bytes(b'x')
    monkeypatch.setattr(Image, 'open', lambda *a, **k: 1/0)
    files, problems = list_images(tmp_path)
    assert len(files) == 1000 and not problems and files == sorted(files)

# --- a large folder ---
def without_rights():
    "What to put before a command so that it may not open every folder, also where the tests are root"
    if os.geteuid(): return ()
    cmd = ('setpriv', '--bounding-set=-dac_override,-dac_read_search')
    if not shutil.which('setpriv') or subprocess.run([*cmd, 'true'], capture_output=True).returncode:
        pytest.skip('root may open every folder, and setpriv is missing or not allowed')
    return cmd

@pytest.fixture(scope='module', params=[120, pytest.param(10_000, marks=pytest.mark.slow)])
def many(request, tmp_path_factory):
    "(folder, n): n small photographs in a tree, and names of every kind; a link that leads round, a folder without rights"
    root, n, rng = tmp_path_factory.mktemp('many')/'in', request.param, np.random.default_rng(0)
    names, kinds = [b'night %d.jpg', '夜 🌙%d.JPG'.encode(), b'\xff\xfe%d.jpeg', b"it's $(%d) & co.jpg"], []
    for i in range(7):
        Image.fromarray(rng.integers(0, 90, (6, 8, 3), np.uint8)).resize((40, 32), 3).save(b := io.BytesIO(), 'JPEG'); kinds.append(b.getvalue())
    for i in range(n):
        d = root/str(i % 10)/f'{i//10 % 10} more'
        d.mkdir(parents=True, exist_ok=True)
        try: Path(os.fsdecode(os.fsencode(d)+b'/'+names[i % 4] % i)).write_bytes(kinds[i % 7])
        except OSError: pytest.skip('this disk takes no names that are not UTF-8')
    (root/'0'/'round').symlink_to(root, target_is_directory=True)
    (root/'1'/'phone.heic').write_bytes(b'x'); (root/'2'/'torn.jpg').write_bytes(kinds[0][:200])
    (root/'closed').mkdir(); (root/'closed'/'x.jpg').write_bytes(kinds[0]); (root/'closed').chmod(0)
    yield root, n
    (root/'closed').chmod(0o755)

ODD = {'closed': 'cannot be opened', 'round': 'a link to a folder, not followed', 'phone.heic': 'HEIC is not read'}

def test_a_large_folder_is_listed_without_opening_a_file(many, record_property):
    root, n = many
    code = ("import resource, sys, time\nfrom PIL import Image\nfrom qualiteacher import cli, data, images\n"
            "Image.open = lambda *a, **k: 1/0\npeak = lambda: resource.getrusage(resource.RUSAGE_SELF).ru_maxrss/1024\n"
            "for f in (images.list_images, lambda r: [cli._found([r])], lambda r: [cli._jobs(r, r+'_out')[0]], lambda r: [data.as_pictures(r)]):\n"
            "    m, t = peak(), time.perf_counter(); k = len(f(sys.argv[1])[0]); print(k, time.perf_counter()-t, peak()-m)\n")
    r = run([*without_rights(), sys.executable, '-c', code, str(root)], cwd=ROOT)
    assert r.returncode == 0, r.stderr
    rows = [[float(v) for v in l.split()] for l in r.stdout.splitlines()]
    assert [k for k, _, _ in rows] == [n+1]*4 and all(mb < 100 for _, _, mb in rows)
    for name, why in ODD.items(): assert re.search(rf'skipped: .*{name}: {why}', r.stderr), name
    record_property('measured', f'{n} photographs listed (library, score, restore, train): '+', '.join(f'{s:.2f} s, {mb:.0f} MB more' for _, s, mb in rows))

def test_a_large_folder_is_restored_in_two_goes(many, tmp_path, record_property):
    "Ctrl-C after a while: results are whole or not there. The same call goes on: what exists is kept, not made again"
    root, n = many
    out, go = tmp_path/'out', ('restore', root, tmp_path/'out')
    code, _, seen = in_terminal(*go, stop_at=r'restoring.* [1-9]\d*/', before=without_rights())
    first = {f: f.stat().st_mtime_ns for f in out.rglob('*') if f.is_file()}
    assert code == 130 and 'what was done so far is kept' in seen and 'Traceback' not in seen and 0 < len(first) < n
    assert not any(f.name.startswith('.') for f in first), 'no half file'
    for f in list(first)[:20]: assert load_image(f).shape == (3, 32, 40)
    code, said, seen = in_terminal(*go, before=without_rights())
    assert code == 0 and f'{n-len(first)} restored' in said and 'torn.jpg: cannot be read' in seen
    for name, why in ODD.items(): assert re.search(rf'skipped: .*{name}: {why}', seen), name
    assert len(re.findall('kept: .* exists already', seen)) == min(len(first), cli.FEW)
    assert len(first) <= cli.FEW or f'{len(first)-cli.FEW} more results that exist' in seen
    made = {f.relative_to(out) for f in out.rglob('*') if f.is_file()}
    assert made == {f.relative_to(root) for f in list_images(root)[0] if f.name != 'torn.jpg' and 'closed' not in f.parts}
    assert all(f.stat().st_mtime_ns == t for f, t in first.items())
    record_property('measured', f'{n} photographs restored in two goes, the first broken off after {len(first)}')

def test_each_picture_is_decoded_once_to_be_scored(tmp_path, monkeypatch):
    "Also where several processes share the work: this one of three has every third picture"
    for i in range(6): RGB.save(tmp_path/f'{i}.png')
    (tmp_path/'torn.png').write_bytes((tmp_path/'0.png').read_bytes()[:200])
    monkeypatch.setenv('RANK', '1'); monkeypatch.setenv('WORLD_SIZE', '3')
    opened, real = [], Image.open
    monkeypatch.setattr(Image, 'open', lambda f, *a, **k: (opened.append(Path(f).name), real(f, *a, **k))[1])
    class Alone:
        main, device, collect = True, 'cpu', staticmethod(lambda v: v)
    from qualiteacher.iqa import IQAEnsemble
    rows, stopped = cli._rows(IQAEnsemble({'brisque': 1.}), cli._found([str(tmp_path)]), Alone)
    assert opened == ['1.png', '4.png'] == [r['name'] for r in rows] and not stopped

def test_train_names_what_it_passes_over_in_a_large_folder(many, capsys):
    cli._look_through(many[0], most=50)
    said = capsys.readouterr().err
    for name in ('round', 'phone.heic'): assert re.search(rf'skipped: .*{name}: {ODD[name]}', said)
    assert 'torn' not in said, 'nothing was opened'

@pytest.mark.skipif(os.geteuid() == 0, reason='root may open every folder')
def test_a_folder_without_rights_is_named(tmp_path, capsys):
    (d := tmp_path/'in'/'closed').mkdir(parents=True)
    RGB.save(tmp_path/'in'/'a.png')
    d.chmod(0)
    try: assert main(['restore', str(tmp_path/'in'), str(tmp_path/'out')]) == 0
    finally: d.chmod(0o755)
    assert 'closed: cannot be opened (Permission denied)' in capsys.readouterr().err

def test_a_folder_that_cannot_be_listed_is_named(tmp_path, monkeypatch):
    "What the test above does, also for root"
    RGB.save(tmp_path/'a.png')
    walk = os.walk
    def closed(root, onerror=None, **kw):
        onerror(PermissionError(errno.EACCES, 'Permission denied', str(tmp_path/'closed')))
        return walk(root, **kw)
    monkeypatch.setattr(images.os, 'walk', closed)
    assert list_images(tmp_path) == ([tmp_path/'a.png'], {'closed': f'{tmp_path}/closed: cannot be opened (Permission denied)'})

def test_a_full_disk_stops_and_keeps_what_is_done(tmp_path):
    "Here a process may write files of at most 3,000 bytes; a small one fits, and a large one does not"
    (d := tmp_path/'in').mkdir()
    Image.new('RGB', (16, 16)).save(d/'a.png')
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (64, 64, 3), np.uint8)).save(d/'b.png'); RGB.save(d/'c.png')
    limit = lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (3000, 3000))
    p = subprocess.run([sys.executable, '-m', 'qualiteacher', 'restore', str(d), str(tmp_path/'out')], capture_output=True, text=True,
                       preexec_fn=limit, env=clean_env(OMP_NUM_THREADS='1', PYTHONDONTWRITEBYTECODE='1'), cwd=ROOT, timeout=120)
    assert p.returncode == 1 and 'Traceback' not in p.stderr, p.stderr
    assert re.search(r'b\.png: cannot be written.*1 results are there and kept.*run it again', p.stderr), p.stderr
    assert os.listdir(tmp_path/'out') == ['a.png'], 'no half file'

@pytest.mark.skipif(not os.path.exists('/dev/full'), reason='no /dev/full here')
def test_the_device_that_is_always_full(tmp_path):
    from qualiteacher.inference import restore_files
    def save(y, path): open('/dev/full', 'wb', buffering=0).write(b'x')
    RGB.save(tmp_path/'a.png')
    with pytest.raises(OSError, match='cannot be written .No space left.*0 results'):
        restore_files(torch.nn.Conv2d(3, 3, 1), [(tmp_path/'a.png', tmp_path/'b.png')], save=save, progress=False)

# --- several processes ---
TWO = "import sys; from qualiteacher.cli import main; a = sys.argv[1:]; i = a.index('+'); sys.exit(main(a[:i]) or main(a[i+1:]))"

def test_two_processes_do_what_one_does(tmp_path, capsys):
    "As under `accelerate launch`, gloo on CPU: each file once, one report, one table, the same files and numbers"
    (d := tmp_path/'in').mkdir()
    for i in range(5): RGB.rotate(40*i).resize((112, 96)).save(d/f'{i}.png')
    (d/'3.png').write_text('none'); (tmp_path/'two.py').write_text(TWO)
    calls = lambda n: (['restore', str(d), str(tmp_path/f'o{n}'), '--json', str(tmp_path/f'{n}.json')],
                       ['score', str(d), '--csv', str(tmp_path/f'{n}.csv')])
    a, b = calls(2)
    r = run([sys.executable, '-m', 'torch.distributed.run', '--standalone', '--nproc_per_node', 2, tmp_path/'two.py', *a, '+', *b],
            env=clean_env(OMP_NUM_THREADS='1', ACCELERATE_USE_CPU='true'), timeout=120, cwd=ROOT)
    assert r.returncode == 0, r.text[-3000:]
    assert [main(c) for c in calls(1)] == [0, 0]
    assert digest(tmp_path/'o1') == digest(tmp_path/'o2') and len(digest(tmp_path/'o1')) == 4
    assert capsys.readouterr().out.replace('o1', 'o2') == r.stdout and r.stdout.count('4 restored') == 1 and len(r.stdout.splitlines()) == 6
    assert r.stderr.count('skipped') == 2, 'the broken file is named once a command'
    x, y = (json.loads((tmp_path/f'{i}.json').read_text()) for i in (1, 2))
    assert [Path(p['result']).name for p in x['restored']] == [Path(p['result']).name for p in y['restored']] and x['skipped'] == y['skipped']
    assert (tmp_path/'1.csv').read_text() == (tmp_path/'2.csv').read_text()

# --- the rest of the command line ---
def test_evaluate_on_a_published_layout(tmp_path, capsys):
    for part, im in (('low', RGB.point(lambda v: v//4)), ('high', RGB)):
        (tmp_path/'eval15'/part).mkdir(parents=True)
        for i in range(2): im.rotate(180*i).resize((112, 96)).save(tmp_path/'eval15'/part/f'{i}.png')
    assert main(['evaluate', '--data', f'lol:{tmp_path}', '--short', '96', '--json', str(tmp_path/'e.json')]) == 0
    table, out = json.loads((tmp_path/'e.json').read_text()), capsys.readouterr()
    assert list(table) == ['input', 'gamma 2.2', 'relit', 'base', 'shipped at 0', 'shipped at 4', 'shipped at 7'] and '2 pictures' in out.err
    assert {'psnr', 'ssim', 'aligned psnr', 'score'} <= set(table['base']) and 'aligned psnr' in out.out
    assert table['shipped at 7']['psnr']['mean'] > table['input']['psnr']['mean'], 'a dark picture made brighter'
    for spec, says in ((f'lol:{tmp_path}/none', 'eval15/low'), ('nonsense', 'KIND:DIR')):
        assert main(['evaluate', '--data', spec]) == 1 and says in capsys.readouterr().err

def test_alone_it_shows_six_examples(capsys):
    assert main([]) == 0
    lines = [l for l in capsys.readouterr().out.splitlines() if l.startswith('  qualiteacher ')]
    assert len(lines) == 6 and all(len(l) < 105 for l in lines)

@pytest.mark.parametrize('command', EXAMPLES, ids=lambda c: c.upper())     # 'experiment' is a tier of the tests
def test_the_examples_of_the_help_are_understood(command, capsys):
    assert main([command, '--help']) == 0
    said = capsys.readouterr().out
    assert 'exit codes' in said
    for e, _ in EXAMPLES[command]: assert e in said and _parser().parse_args(e.split()).command == command

def test_a_wrong_word_is_answered_with_the_right_one(capsys):
    assert main(['restor', 'x']) == 2
    said = capsys.readouterr().err
    assert "Did you mean 'restore'?" in said and 'qualiteacher --help' in said

def test_help_imports_nothing_heavy():
    code = "import sys; from qualiteacher.cli import main; main([]); main(['--help']); print({'torch', 'numpy', 'PIL', 'tqdm'} & set(sys.modules))"
    assert run([sys.executable, '-c', code], cwd=ROOT).stdout.splitlines()[-1] == 'set()'

def test_restore_imports_no_more_than_it_needs(tmp_path):
    RGB.save(tmp_path/'a.png')
    code = (f"import sys; from qualiteacher.cli import main; main(['restore', {str(tmp_path/'a.png')!r}]); "
            "print({'matplotlib.pyplot', 'pyiqa', 'accelerate', 'torchvision', 'scipy', 'pandas'} & set(sys.modules))")
    assert run([sys.executable, '-c', code], cwd=ROOT).stdout.splitlines()[-1] == 'set()'
