"`python -m qualiteacher` and `accelerate launch -m qualiteacher`; the only module that is written by hand"
import sys
from qualiteacher.cli import main

sys.exit(main())
