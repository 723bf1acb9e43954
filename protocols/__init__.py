"""What is said: what protocols are made with, and those that any device may speak, one file a protocol."""

import boofuzz
import colorama

# boofuzz wraps standard output when it is imported; nobody who imports a protocol wants that.
colorama.deinit()

__all__ = ["boofuzz"]
