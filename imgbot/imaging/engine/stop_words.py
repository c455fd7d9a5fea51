"""Degrees, negations and stop words of prompts, in Russian and English."""

import re

SLIGHT, MUCH = 0.5, 1.8
# Percentage that equals a change of normal strength ("20 % brighter").
NORMAL_PERCENT = 25

DEGREES = (
    (SLIGHT, re.compile(
        r"(?<!\w)(?:(?:just )?a (?:little|bit|touch|tad|smidge|hint)(?: bit)?|slight\w*|somewhat"
        r"|little|bit|tad|subtl\w+|gent\w+|mild\w*"
        r"|light(?= (?:blur|grain|vignett|frame|sketch|glow|sepia|tint|touch))|not (?:too|so|very)"
        r"(?: much)?"
        r"|(?:(?:совсем|самую|прям) )?(?:чуть(?: чуть)?|чуток|чутка|немного|немножк\w+|малость)"
        r"|немножечко|слегка|капельку|каплю|едва|легк\w+|легонько|деликатно"
        r"|не (?:слишком|очень|сильно|так))(?!\w)")),
    (MUCH, re.compile(
        r"(?<!\w)(?:(?:a )?(?:whole )?lot|much|very|strong\w*|lots|heav\w+|really|way|super|max\w*"
        r"|extreme\w*|far|totally|twice|plenty|(?:по)?сильн\w+|очень|намного|гораздо|значительно"
        r"|максимальн\w*|на максимум|совсем|супер|заметно|существенно|мощн\w+|вдвое|втрое"
        r"|в (?:2|два|3|три) раза)(?!\w)")),
)  # fmt: skip
PERCENT = re.compile(r"(?<!\w)(?:by |на )?(minus )?(\d{1,3}) ?(?:%|percent|процент\w*)")

# Negates the change that follows, which is then ignored.
_MAKING = (
    r"(?:надо|нужно|хочу|люблю|нравится|делай\w*|делать|добавляй\w*|want|like|make|turn|add|apply"
    r"|do|be|было|будет)"
)
# Without "сделай": after "не надо" it introduces the wanted change.
_THING = (
    r"(?:делать|сделать|добавлять|to|make|turn|it|this|the|an?|any|that|photo|picture|image|effect"
    r"|filter|фото|фотку|картинку|его|ее|эту|это|этот|так|too|so|слишком|очень|эффект\w*"
    r"|фильтр\w*)"
)
NEGATION = re.compile(
    rf"(?:^| )(?:(?:не|not|dont|never)(?: {_MAKING}(?: {_THING})*)?|no(?: need(?: {_THING})*)?"
    r"|less|менее|без|without|remove|убери|убрать|уберите|удали|удалить|сотри|erase|delete)"
    r"(?: the| a| any| all| этот| эффект\w*| фильтр\w*| effect| filter)* $"
)

_STOP_WORDS = """
n her him it its them him
a an the it its this that these my me i you we us to of in on at by with for from and or then also
but so make do please pls plz plss thanks thank thx hi hey hello could can would should will
photo picture image pic photos pictures pics images everything all whole look looks looking like
want wanna need more again still bit be is are was up out down apply effect filter style colour
color colors colours mode version give get put turn into as add some have let lets just try bring
crank pump dial portrait selfie shot kind sort now here there too came turned seems got was which
и а но в во на с со до из у к ко по за от для чтобы было бы будет быть потом затем еще также тоже
сделай сделать сделайте сделаем пусть пожалуйста плиз плз пжлст пж пожалуй спасибо спс привет
фото фотку фотка фотки фотографию фотография фотографии снимок снимка картинку картинка картинки
изображение изображения его ее их это эту этот эта мне мой мою моя мое хочу хочется надо нужно
можно можешь можете давай добавь добавить добавьте добавим прибавь наложи наложить примени эффект
эффектом фильтр фильтром стиль стиле стилем режим вид виде все всю весь всё более больше побольше
цвета цвет цветом как под типа вот ну просто так какой нибудь делай кадр кадра
получилось получился получилась вышло вышел вышла выглядит кажется она он оно
портрет портретное селфи тон тона тонах ка же ли то
"""
# Words without a meaning of their own in a prompt.
STOP_WORDS = frozenset(_STOP_WORDS.replace("ё", "е").split())
