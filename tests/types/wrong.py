"Mistakes that a checker must find; it reports the marked lines and no others"
import torch
from qualiteacher.pyramid import load_base
from qualiteacher.conditioning import QualityConditioned
from qualiteacher.inference import restore
from qualiteacher.iqa import IQAEnsemble
from qualiteacher.teacher import EMATeacher
from qualiteacher.training import Config, QualiTeacher

net = load_base('lowlight')
student = QualityConditioned('lowlight')                        # wrong: a network is meant
restore(student, 'photo.jpg')                                   # wrong: a picture is meant, not its path
restore(student, torch.rand(3, 64, 64), tile='large')           # wrong
restore(student, torch.rand(3, 64, 64), levels=7)               # wrong: no such argument
Config.preset(7)                                                # wrong
EMATeacher(QualityConditioned(net), decay='slow')               # wrong
IQAEnsemble.preset('offline').scores(torch.rand(1, 3, 64, 64))  # wrong: the method is called score
QualiTeacher.resume()                                           # wrong
x: str = Config().steps                                         # wrong
