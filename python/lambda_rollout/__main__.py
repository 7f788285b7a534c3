"""The ``lambda-rollout`` command."""

from __future__ import annotations

import signal
import sys

from . import _native


def main() -> int:
    """Run the command with the process's arguments, and give its exit code."""
    # The command has handlers of its own, which call those that were there before. Python's would raise
    # KeyboardInterrupt once the command has put everything back.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    return _native.run_command(["lambda-rollout", *sys.argv[1:]])


if __name__ == "__main__":
    sys.exit(main())
