"""The student's copy of a lesson, or of a folder of lessons:   python tests/tools/exercises.py nbs/lessons COPIES
Do solutions pass and stubs fail?   python tests/tools/exercises.py --check nbs/lessons"""
import sys
from qualiteacher.course import main

if __name__ == '__main__': sys.exit(main())
