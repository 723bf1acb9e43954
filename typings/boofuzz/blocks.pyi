from typing import Any

REQUESTS: dict[str, Any]
CURRENT: Any
