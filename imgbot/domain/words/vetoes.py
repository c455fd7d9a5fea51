"""Vetoes: questions, complaints, statements, thanks and signs, which order nothing. Pure."""

from imgbot.domain.words.reading import WordReader

ROWS: tuple[WordReader, ...] = ()
