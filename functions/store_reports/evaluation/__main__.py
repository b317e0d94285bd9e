"""`aftercare evaluate customers FILE...` runs this module with what follows `customers`."""

import sys

from store_reports.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
