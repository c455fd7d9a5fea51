"""Status of the running service: indicators, document, page and command."""
