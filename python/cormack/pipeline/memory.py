"""Peak memory of a step, as the system measured it."""

from __future__ import annotations

from pathlib import Path

__all__ = ["peak_bytes", "start_peak"]

_PROCESS = Path("/proc/self")


def start_peak() -> bool:
    """Forget the peak so far, so that `peak_bytes` tells that of what follows; False where that cannot be done."""
    try:
        # 5 sets the high water mark to what is in memory now and touches no page: microseconds.
        (_PROCESS / "clear_refs").write_text("5")
    except OSError:
        return False
    return True


def peak_bytes() -> int | None:
    """Most memory this process held at once since `start_peak`: all of it, the interpreter and the image too.

    Cases that share a process (threads of a Dask worker) are in one another's numbers.
    """
    try:
        for line in (_PROCESS / "status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                return int(line.split()[1]) * 1024
    except (OSError, ValueError, IndexError):
        pass
    return None
