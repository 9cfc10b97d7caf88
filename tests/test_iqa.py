"The adapter of pyiqa in an environment whose setuptools has no pkg_resources any more."
import sys
from conftest import run

SCRIPT = '''
import sys, importlib.util
from qualiteacher import iqa
class Gone:                                     # as if pkg_resources were not installed
    def find_spec(self, name, path=None, target=None):
        if name == 'pkg_resources': raise ModuleNotFoundError(name)
real = iqa.find_spec
iqa.find_spec = lambda n: None if n == 'pkg_resources' and n not in sys.modules else real(n)
sys.modules.pop('pkg_resources', None)
sys.meta_path.insert(0, Gone())
for name in ('piqe', 'entropy'): iqa.pyiqa_metric(name)          # twice: the stand-in must not trip the second
assert importlib.util.find_spec('pkg_resources') is not None
from pkg_resources import packaging                               # what CLIP does
assert packaging.version.parse('1.10') > packaging.version.parse('1.9')
'''

def test_metrics_are_built_without_pkg_resources():
    r = run([sys.executable, '-c', SCRIPT])
    assert r.returncode == 0, r.text[-3000:]
