"""What judges of haze and water guessed, and one view of nights, when nbs/data/real_claim*.csv and judge_within.csv were made: those
two benchmarks keep their protocol.  The library's own guesses are `needs.possible_truths` now."""
import torch
from qualiteacher.classical import _box, clear_water, dark_channel, gain_for, grey_world, re_expose, red_back, stretch
from qualiteacher.measures import to_light
from qualiteacher.teacher import View, brighten

def haze_truths(x, strengths=(.35, .5, .65, .8, .95)):
    "The dark channel with n strengths, all equally likely"
    made = [dark_channel(x, s) for s in strengths]
    return torch.cat(made), x.new_full((len(made),), 1/len(made))

def water_truths(x):
    "Five classical corrections, all equally likely"
    made = [red_back(x), grey_world(red_back(x)), clear_water(x), stretch(x), grey_world(x)]
    return torch.cat(made), x.new_full((5,), .2)

def _tone_kept(gain):
    def finish(y, x):
        light = to_light(x.clamp(0, 1))
        e = re_expose(light, gain_for(light, y.mean((1, 2, 3)).clamp(.05, .95)))       # as bright as y
        return brighten(y-_box(y, 4)+_box(e, 4), gain)
    return finish

TONE_VIEWS = [View('tone kept' if g == 1 else f'tone kept, brighter {g}', finish=_tone_kept(g)) for g in (1., 1.4)]
