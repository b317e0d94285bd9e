"""`aftercare`: where the command begins. Ctrl-C ends it with one line from here on, while all the rest is still being loaded."""

from __future__ import annotations

import sys
from collections.abc import Sequence

STOPPED = 130
"""What a shell gives a command that Ctrl-C ended: 128 and the number of SIGINT."""


def main(arguments: Sequence[str] | None = None) -> int:
    """The command. Returns its exit code."""
    try:
        from simulator.commands.command_line import run

        return run(arguments)
    except KeyboardInterrupt:
        # A terminal shows ^C where the cursor stood.
        beneath = "\n" if sys.stderr.isatty() else ""
        sys.stderr.write(f"{beneath}aftercare: stopped\n")
        return STOPPED


if __name__ == "__main__":
    sys.exit(main())
