"""Orders by their beginning: a new picture, another one, words on a picture, a style. Pure."""

from imgbot.domain.words.reading import WordReader

ROWS: tuple[WordReader, ...] = ()
