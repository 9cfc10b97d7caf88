"What a user of the public names writes"
from pathlib import Path
import torch
from torch import Tensor, nn
from qualiteacher import __version__
from qualiteacher.backbones import RestorationUNet
from qualiteacher.pyramid import load_base
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.images import load_image, save_image, sample_paths, psnr, ssim
from qualiteacher.inference import evaluate, load_student, restore, save_student, sweep, spread
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.label_bank import LabelBank
from qualiteacher.teacher import EMATeacher
from qualiteacher.training import Config, QualiTeacher

v: str = __version__
net: nn.Module = load_base('lowlight')
student = QualityConditioned(net, at='auto', kind='sinusoidal')
x: Tensor = load_image(Path('photo.jpg'), short=192)[None]
y: Tensor = student(x)
z: Tensor = student(x, quality=7)
z = student(x, quality=2.5)
z = student(x, quality=torch.rand(1))
z = student(x, quality=None)
iqa = IQAEnsemble.preset('offline')
own = IQAEnsemble({'brisque': .4, 'nss': .6})
scores = iqa.score(x)
total: Tensor = scores.total
level: Tensor = scores.level
each: dict[str, Tensor] = scores.per_metric
r: Tensor = iqa.reward(x.requires_grad_())
w: Tensor = iqa.block_weights(x, blocks=2)
teacher = EMATeacher(student, decay=.998)
teacher.update(student)
y = teacher(x)
bank = LabelBank(root=None, top_k=3)
bank = LabelBank(root='folder')
cfg: Config = Config.preset('smoke', steps=3)
trainer = QualiTeacher(student, iqa, real='my_photos/', pairs=[(x[0], x[0])], cfg=cfg, out='runs/x')
trainer = QualiTeacher(student, iqa, real=sample_paths('lowlight'), pairs=None, cfg=cfg)
trainer.fit()
trainer.save()
out: Tensor = restore(student, x[0], quality=7, tile=512)
out = restore(teacher, x[0], quality=None, grid=16, batch=2)
out = restore(nn.Identity(), x[0])
dial = sweep(student, x[0])
for q, picture in dial.items(): print(q, picture.shape)
n: float = spread(dial)
save_student(student, 'student.safetensors', task='low light', seed=0)
save_student(student, Path('student.safetensors'), net='my.nets:make', args=dict(width=8))
again, about = load_student('student.safetensors')
again, about = load_student(Path('s'), net=net, allow=['my.nets:make'])
again.eval()
table = evaluate({'input': lambda t: t, 'student': again}, [x[0]], iqa, truth=[x[0]])
print(table['input']['score'][0])
save_image(out, 'out.png')
p: Tensor = psnr(x, x); s: Tensor = ssim(x, x)
step: int = trainer.step
resumed = QualiTeacher.resume(Path('runs/x'), student, iqa, 'my_photos/', None)
resumed.fit(progress=False)
