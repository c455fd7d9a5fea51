"""History: undo, redo, back to, in words; free, and never a prompt. Pure."""

from imgbot.domain.words.reading import WordReader

ROWS: tuple[WordReader, ...] = ()
