"""Packaging: every value lives in settings.ini; edit there, not here."""
from configparser import ConfigParser
from pathlib import Path
import shlex
from setuptools import setup, find_packages

here = Path(__file__).resolve().parent
config = ConfigParser(delimiters=['='])
config.read(here/'settings.ini', encoding='utf-8')
cfg = config['DEFAULT']
def words(key): return shlex.split(cfg.get(key, ''))
lib = cfg['lib_path']
readme = here/'README.md'

setup(
    name=cfg['lib_name'], version=cfg['version'], description=cfg['description'],
    long_description=readme.read_text(encoding='utf-8') if readme.exists() else '',
    long_description_content_type='text/markdown',
    author=cfg['author'], author_email=cfg['author_email'], keywords=words('keywords'),
    url=cfg['git_url'], license='Apache-2.0', license_files=['LICENSE'],
    python_requires='>=' + cfg['min_python'],
    # The sample photographs live beside the notebooks, for people to look at; installed, they are
    # the sub-package qualiteacher.data_samples, so that everything works without a clone.
    packages=find_packages(include=[lib, lib + '.*']) + [f'{lib}.data_samples'],
    package_dir={f'{lib}.data_samples': 'data_samples'},
    package_data={lib: ['weights/*'],
                  f'{lib}.data_samples': [f'**/*.{e}' for e in ('csv', 'md', 'txt', 'json', 'jpg', 'png')]},
    install_requires=words('requirements'),
    extras_require={'dev': words('dev_requirements')},
    entry_points={'console_scripts': words('console_scripts'),
                  'nbdev': [f'{lib}={lib}._modidx:d']},
    classifiers=['Programming Language :: Python :: 3', 'Intended Audience :: Science/Research',
                 'Topic :: Scientific/Engineering :: Image Processing'],
    zip_safe=False,
)
