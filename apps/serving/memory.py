"""The memory that this process has in use. Not what it occupies: that hides whatever is put where something was freed."""

import ctypes
import sys

# Words and numbers, which is what models keep in small objects, take 32 to 64 bytes each.
_SMALL_OBJECT_BYTES = 48


class _MallInfo(ctypes.Structure):
    """glibc's ``struct mallinfo2``: of its counts, ``uordblks`` are bytes in use, ``hblkhd`` those with pages of their own."""

    _fields_ = [
        (name, ctypes.c_size_t)
        for name in ["arena", "ordblks", "smblks", "hblks", "hblkhd", "usmblks", "fsmblks", "uordblks", "fordblks", "keepcost"]
    ]


def used_bytes() -> int:
    """What C libraries and Python's own objects have allocated; where the C library cannot tell, what is resident."""
    try:
        mallinfo = ctypes.CDLL("libc.so.6").mallinfo2
    except (OSError, AttributeError):  # no glibc, or one of before 2.33
        import psutil

        return psutil.Process().memory_info().rss
    mallinfo.restype = _MallInfo
    found = mallinfo()
    return found.uordblks + found.hblkhd + sys.getallocatedblocks() * _SMALL_OBJECT_BYTES


def give_back() -> None:
    """Return freed memory to the system, where the C library can: it would keep what a dropped model has left."""
    try:
        ctypes.CDLL("libc.so.6").malloc_trim(0)
    except (OSError, AttributeError):
        return
