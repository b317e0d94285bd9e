"""`aftercare evaluate feedback FILE...` runs this module with what follows `feedback`."""

import sys

from feedback_survey.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
