"""Operations in words: upscaling, cut-out, retouch, merge, sticker, comparison. Pure."""

from imgbot.domain.words.reading import WordReader

ROWS: tuple[WordReader, ...] = ()
