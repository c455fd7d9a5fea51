"""Status of the running service: indicators, document, page and command."""

from typing import Any

Document = dict[str, Any]
"""Status as a JSON object."""
