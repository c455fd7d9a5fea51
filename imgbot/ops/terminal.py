"""Words on the operator's terminal; some of them come from outside."""


def strip_control(text: str) -> str:
    """Return one line, without what a terminal would take for a command."""
    return "".join(c if c.isprintable() else " " for c in text)
