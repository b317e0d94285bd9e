"""`python -m simulator.bench`: the same as `aftercare bench`."""

import sys

from simulator.commands.main import main

if __name__ == "__main__":
    sys.exit(main(["bench", *sys.argv[1:]]))
