"""``python -m cormack`` is the ``cormack`` command."""

from __future__ import annotations

import sys

from cormack.cli import main

if __name__ == "__main__":
    sys.exit(main())
