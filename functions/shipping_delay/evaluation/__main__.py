"""`aftercare evaluate delay FILE` runs this module with what follows `delay`."""

import sys

from shipping_delay.evaluation.command import main

if __name__ == "__main__":
    sys.exit(main())
