"""`aftercare evaluate reorder FILE...` runs this module with what follows `reorder`."""

import sys

from reorder_reminder.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
