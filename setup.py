"""Packaging: every value lives in settings.ini; edit there, not here."""
from configparser import ConfigParser
from pathlib import Path
import gzip, os, re, shlex, tarfile, time
from setuptools import setup, find_packages
from setuptools.command.build_py import build_py
from setuptools.command.sdist import sdist

here = Path(__file__).resolve().parent
config = ConfigParser(delimiters=['='])
config.read(here/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
def words(key): return shlex.split(cfg.get(key, ''))
lib, git = cfg['lib_path'], cfg['git_url']

def long_description():
    "The README; its links and pictures are found from any page that shows it, not only in the clone"
    f = here/'README.md'
    text = f.read_text(encoding='utf-8') if f.exists() else ''
    text = re.sub(r'(!\[[^\]]*\]\()(?!\w+:|#)', rf'\g<1>{git}/raw/{cfg["branch"]}/', text)
    return re.sub(r'((?<!!)\[[^\]]*\]\()(?!\w+:|#)', rf'\g<1>{git}/blob/{cfg["branch"]}/', text)

# --- the same source gives the same bytes, whoever builds it and where ---
os.umask(0o022)                   # of the build's own process: the modes of the files in a wheel
def plain_mode(path): return 0o755 if os.access(path, os.X_OK) else 0o644

class Build(build_py):
    def copy_file(self, infile, outfile, *args, **kw):
        out, done = super().copy_file(infile, outfile, *args, **kw)
        if done: os.chmod(out, plain_mode(infile))
        return out, done

class Source(sdist):
    def make_archive(self, base_name, format, root_dir=None, base_dir=None, owner=None, group=None):
        "A .tar.gz in a fixed order, without owners; times are SOURCE_DATE_EPOCH or now"
        if format != 'gztar': return super().make_archive(base_name, format, root_dir, base_dir, owner, group)
        name, when, root = f'{base_name}.tar.gz', int(os.environ.get('SOURCE_DATE_EPOCH', time.time())), Path(root_dir or '.')
        def plain(t):
            t.uid = t.gid = 0; t.uname = t.gname = ''; t.mtime = when
            t.mode = 0o755 if t.isdir() or t.mode & 0o100 else 0o644
            return t
        with open(name, 'wb') as raw, gzip.GzipFile('', 'wb', mtime=when, fileobj=raw) as z, \
             tarfile.open(fileobj=z, mode='w', format=tarfile.PAX_FORMAT, dereference=True) as t:
            for f in [root/base_dir, *sorted((root/base_dir).rglob('*'))]:
                t.add(f, f.relative_to(root).as_posix(), recursive=False, filter=plain)
        return name

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'],
    long_description=long_description(), long_description_content_type='text/markdown',
    author=cfg['author'], author_email=cfg['author_email'], keywords=words('keywords'),
    url=git, license='Apache-2.0', license_files=['LICENSE', 'LICENCES.md'],
    project_urls={'Documentation': cfg['doc_host'] + cfg['doc_baseurl'], 'Source': git, 'Issues': f'{git}/issues',
                  'Changelog': f'{git}/blob/{cfg["branch"]}/CHANGELOG.md', 'Paper': 'https://arxiv.org/abs/2603.08030'},
    python_requires='>=' + cfg['min_python'],
    # The sample photographs live beside the notebooks, for people to look at; installed, they are
    # the sub-package qualiteacher.data_samples, so that everything works without a clone.
    packages=find_packages(include=[lib, lib + '.*']) + [f'{lib}.data_samples'],
    package_dir={f'{lib}.data_samples': 'data_samples'},
    package_data={lib: ['weights/*', 'py.typed', '*.pyi'],
                  f'{lib}.data_samples': [f'**/*.{e}' for e in ('csv', 'md', 'txt', 'json', 'jpg', 'png')]},
    install_requires=words('requirements'),
    extras_require={'dev': words('dev_requirements')},
    entry_points={'console_scripts': words('console_scripts'),
                  'nbdev': [f'{lib}={lib}._modidx:d']},
    classifiers=['Development Status :: 3 - Alpha', 'Environment :: Console', 'Framework :: Jupyter',
                 'Intended Audience :: Education', 'Intended Audience :: Science/Research',
                 'Natural Language :: English', 'Operating System :: OS Independent',
                 'Programming Language :: Python :: 3', 'Programming Language :: Python :: 3 :: Only',
                 *(f'Programming Language :: Python :: 3.{i}' for i in range(10, 14)),
                 'Topic :: Scientific/Engineering :: Artificial Intelligence',
                 'Topic :: Scientific/Engineering :: Image Processing', 'Typing :: Typed'],
    cmdclass={'build_py': Build, 'sdist': Source},
    zip_safe=False,
)
