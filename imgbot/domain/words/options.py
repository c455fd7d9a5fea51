"""Options: shape, number and size in words, of this picture or of the next. Pure."""

from imgbot.domain.words.reading import WordReader

ROWS: tuple[WordReader, ...] = ()
