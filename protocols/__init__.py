"""What is said: message models and protocol definitions, one file a protocol."""

import boofuzz
import colorama

# boofuzz wraps standard output when it is imported; nobody who imports a protocol wants that.
colorama.deinit()

__all__ = ["boofuzz"]
