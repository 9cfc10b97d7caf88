"""The shipped restorers of real pictures: a base on made files, then a student by the full method.

    python tests/benchmarks/train_restorers.py base lowlight      # 3,000 steps: about 20 minutes on one core
    python tests/benchmarks/train_restorers.py student lowlight   # adapt it to real pictures without truth
    python tests/benchmarks/train_restorers.py base haze --to DIR # not into the package

A base knows clean photographs of data_samples and the files of 01d, nothing else: it learns to clean, and leaves tone to its first
step (01c).  A student has seen, beside those, real degraded pictures *without* their truth: the inputs of the train part of the
shared pairs and the shared photographs (the folder beside the clone, or QUALITEACHER_SHARED); these files are not part of the project.
"""
import argparse, json, time
from pathlib import Path
import sys, torch, torch.nn.functional as F
from safetensors.torch import save_file
sys.path[:0] = [str(Path(__file__).resolve().parents[1]/'tools')]
from shared_pairs import one_a_scene, shared_pairs, shared_pairs_root
from qualiteacher.backbones import SITES, train_supervised
from qualiteacher.pyramid import FilePairs, PyramidNet, load_base
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.degraded_reference import DegradedReference
from qualiteacher.files import file_pairs
from qualiteacher.images import list_images, load_image, sample_paths, ssim
from qualiteacher.inference import save_student
from qualiteacher.tasks import task as task_of
from qualiteacher.training import Config, QualiTeacher

WEIGHTS = Path(__file__).resolve().parents[2]/'qualiteacher'/'weights'
# the level that `restore` asks for; none: without a level.  From 09c_pairs: see there
ASK = 'none'
NAMES = {'lowlight': 'night', 'haze': 'fog', 'underwater': 'water'}
BASE = dict(net='PyramidNet', width=32, steps=4000, batch=8, size=192, short=320, leaves=.15, lr=1e-3, seed=0, ssim=.15)
# the error alone makes smooth pictures; `ssim` is the weight of structure beside it.  Haze has little noise and does without
OF_TASK = {'lowlight': dict(steps=3000), 'haze': dict(steps=2500, ssim=0.), 'underwater': dict(steps=2000)}
# of the shared photographs: folder, and how many pictures of the train part of the pairs
REAL = {'lowlight': ('lowlight_full', 'lowlight', 76), 'haze': ('haze', 'hazy', 70), 'underwater': ('underwater', 'underwater', 27)}
# crops as large as the pictures: the first step looks at all of it.  Only the condition learns (its rate is lr*injection_lr): so
# without a level a student is its base, bit for bit, and the dial can be left alone
STUDENT = dict(steps=300, short=192, crop=192, seed=0, lr=1e-7, injection_lr=1e4, preference_start=250, w_stay=0.)

def file_of(task, kind, to): return Path(to)/f'{NAMES[task]}_{kind}.safetensors'

def write(file, card):
    file.chmod(0o644)
    file.with_suffix('.json').write_text(json.dumps(card, indent=1)+'\n')

def held_out(net, task):
    "PSNR of the mean squared error to the targets, of the first step alone and of the network, on files of the held-out photographs"
    g, out = torch.Generator().manual_seed(100), []
    for p in sample_paths('test'):
        x, y = file_pairs(load_image(p, 256)[None], task, g)
        with torch.no_grad(): out.append([(v.clamp(0, 1)-y).square().mean().item() for v in (net.needs(x)(x), net(x))])
    return [round(v, 2) for v in (-10*torch.tensor(out).mean(0).log10()).tolist()]

def base(task, to, **changes):
    s, start = {**BASE, **OF_TASK[task], **changes}, time.time()
    torch.manual_seed(s['seed'])
    net = PyramidNet(s['width'], first=task)
    pairs = FilePairs(sample_paths('train'), task, s['size'], s['leaves'], s['short'])
    error = lambda z, y: F.l1_loss(z, y)+s['ssim']*((1-ssim(z.clamp(0, 1), y).mean()) if s['ssim'] else 0)
    curve = train_supervised(net, pairs, s['steps'], s['lr'], s['batch'], s['seed'], error=error)
    before, after = held_out(net.eval(), task)
    file, n = file_of(task, 'base', to), max(1, len(curve)//10)
    save_file({k: v.half().contiguous() for k, v in net.state_dict().items()}, file)       # half of the bytes, .01 grey levels
    write(file, dict(task=task, first=task, **s, photographs=[p.name for p in sample_paths('train')], licence='Apache-2.0', minutes=round((time.time()-start)/60, 1), first_step_psnr=before, held_out_pairs_psnr=after))
    print(task, 'loss', [round(sum(curve[i:i+n])/n, 4) for i in range(0, len(curve), n)], before, after)

class Inputs:
    "Degraded pictures; their truth is not read"
    def __init__(self, task, short):
        name, folder, n = REAL[task]
        pairs = one_a_scene(shared_pairs(name, 'train'), n).pairs
        more = list_images(shared_pairs_root().parent/'real'/folder/'input')[0]
        self.items = [(p.name, load_image(p.input, short)) for p in pairs]
        self.items += [(f'real {p.stem}', load_image(p, short)) for p in more]
        # and pictures that need nothing: a fifth of all
        clean = sample_paths('unlabelled')
        self.items += [(f'clean {p.stem}', load_image(p, short)) for p in clean[:max(1, len(self.items)//4)]]
    def __len__(self): return len(self.items)
    def __getitem__(self, i): return self.items[i]

def student(task, to, **changes):
    s, t = {**STUDENT, **changes}, task_of(task)
    cfg = Config.preset('demo', recipe=t.recipe, keeps=t.keeps, **s)
    torch.manual_seed(cfg.seed)
    net = QualityConditioned(load_base(file_of(task, 'base', to)), at=list(SITES), kind='film')
    pairs = FilePairs(sample_paths('train'), task, cfg.crop, BASE['leaves'], BASE['short'])
    start, data = time.time(), Inputs(task, cfg.short)
    trainer = QualiTeacher(net, DegradedReference(t.truths), data, pairs, cfg)
    trainer.fit()
    trainer.teacher.net.net.load_state_dict(load_base(file_of(task, 'base', to)).state_dict())       # what rates of 1e-7 moved
    file = file_of(task, 'student', to)
    save_student(trainer.teacher.net.half(), file, task=task, steps=cfg.steps, seed=cfg.seed, ask=ASK)
    write(file, dict(task=task, base=file_of(task, 'base', to).name, first=net.net.first, pictures=len(data), ask=ASK, settings={**vars(cfg)},
                     licence='Apache-2.0', weights='the running average of the student (its teacher)', minutes=round((time.time()-start)/60, 1)))
    print(task, len(data), 'pictures,', trainer.level_counts())

if __name__ == '__main__':
    p = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    p.add_argument('kind', choices=['base', 'student'])
    p.add_argument('task', choices=list(NAMES))
    p.add_argument('--to', default=WEIGHTS, help='folder of weights and cards')
    p.add_argument('--threads', type=int, default=1, help='another number rounds otherwise')
    p.add_argument('--set', nargs='*', default=[], metavar='NAME=NUMBER', help='other settings')
    args = p.parse_args(); torch.set_num_threads(args.threads)
    number = lambda v: float(v) if '.' in v or 'e' in v else int(v)
    {'base': base, 'student': student}[args.kind](args.task, args.to, **{k: number(v) for k, _, v in (i.partition('=') for i in args.set)})
