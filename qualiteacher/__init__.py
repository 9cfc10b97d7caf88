__version__ = "0.1.0"

import os as _os
# Read when torch is loaded: threads that wait for each other spin for a moment only before they sleep.  On an idle machine that
# costs a few per cent, beside another program it saves a good half (00c_threads)
if 'OMP_WAIT_POLICY' not in _os.environ: _os.environ.setdefault('GOMP_SPINCOUNT', '10000')
