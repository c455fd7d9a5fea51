"""Building blocks of the edit vocabulary's patterns, in Russian and English.

Without capturing groups; for text as `edit_request.normalize` returns it.
"""

MORE = (
    r"(?:(?:a )?(?:more|add|increase|raise|boost|crank up|pump up|turn up|dial up|bump up|bring up"
    r"|up|higher|extra|больше|побольше|добав\w+|прибав\w+|увелич\w+|повыс\w+|усил\w+|подним\w+"
    r"|поднять|накрути|выкрути)(?: the| some)?)"
)
LESS = (
    r"(?:(?:less|lower|reduce|decrease|turn down|tone down|dial down|bring down|drop|cut"
    r"|not (?:so|as|that)|меньше|поменьше|менее|убав\w+|уменьш\w+|сниз\w+|пониз\w+"
    r"|ослаб\w+|сбав\w+|не так(?:ой|ое|ая|ие|ую|им)?|не столь)(?: the)?)"
)
RISING = r"(?:up|higher|побольше|больше|(?:по)?выше|(?:по)?сильнее|вверх)"
FALLING = r"(?:down|lower|поменьше|меньше|(?:по)?ниже|(?:по)?слабее|вниз)"
REMOVE = (
    r"(?:(?:remove|get rid of|reduce|kill|take (?:out|away|off)|clean(?: up)?|fix|less|no more"
    r"|correct|убери\w*|убрать|убав\w+|удали\w*|сними|снять|почист\w+|избав\w+ от|исправ\w+"
    r"|нейтрализ\w+|(?:по)?меньше|уменьши|без)(?: the| this| that| эту| этот| эти| всю?)?)"
)
# Complete removal, as opposed to correction.
TAKE_AWAY = (
    r"(?:(?:remove|get rid of|kill|take (?:out|away|off)|no more|убери\w*|убрать|удали\w*|сними"
    r"|снять|избав\w+ от|без)(?: the| all| this| that| эту| этот| эти| все| всю?)*)"
)
# Flaws that have a change of their own for their removal.
BLEMISH = (
    r"(?:dust|specks?|scratches|noise|grain|blur|haze|red eyes|пыль|пылинки|соринки|царапины|шум"
    r"|зерно|размытие|блюр|дымку|желтизну|красноту|красные глаза)"
)
_REMOVE_LAST = r"(?:remove|убери\w*|убрать|удали\w*|сними|снять|поменьше|исправ\w+)"
END = r"(?= (?:,|and|then|и|потом|please|pls|plz|пожалуйста|плиз|пж|$))"
IT = r"(?: (?:it|this|photo|the photo|picture|the picture|фото|фотку|фотографию|картинку|его|ее))?"
ROTATE = rf"(?:rotate|spin|поверн\w+|поворот|поворач\w+|разверн\w+|крутани|покрути){IT}"
# "Turn" alone means rotation only if it is not followed by something to turn the photo into.
TURN = rf"(?:{ROTATE}|turn{IT})"
SLIGHTLY = r"(?:a (?:bit|little|touch)|slightly|чуть(?: чуть)?|немного|немножко|слегка|чуток)"
FLIP = rf"(?:flip|отраз\w+){IT}"
CROP = rf"(?:crop|cut|trim|(?:об|под)реж\w*|обреза\w+|(?:от)?кадрир\w+|кроп\w*){IT}"
TO = r"(?: (?:to|into|as|in|down to|в|под|до|по|на|как))?(?: a| the)?"
DEGREES = r"(?: (?:by|на|at))? (\d{1,3})(?: degrees?| deg| градус\w*)?"
ANTI = (
    r"(?:to the |в )?(?:left|counter ?clockwise|anti ?clockwise|налево|влево|левую сторону"
    r"|против часовой(?: стрелки)?)"
)
CLOCKWISE = (
    r"(?:to the |в )?(?:right|clockwise|направо|вправо|правую сторону|по часовой(?: стрелке)?)"
)
TURN_OVER = rf"(?:flip|перев[ео]р\w+){IT}"
# "-90" as `edit_request.normalize` spells it.
MINUS_DEGREES = r"(?: (?:by|на|at))? minus (\d{1,3})%(?: degrees?| deg| градус\w*)?"
OFF = r"(?:the |off the |с |со )?"


def more(noun: str) -> str:
    return rf"{MORE} (?:{noun})|(?:{noun}) {RISING}"


def less(noun: str) -> str:
    return rf"{LESS} (?:{noun})|(?:{noun}) {FALLING}"


def removed(noun: str) -> str:
    """Pattern of removing `noun`: the verb precedes it, or ends the clause."""
    return rf"{REMOVE} (?:{noun})|(?:{noun}) {_REMOVE_LAST}{END}"
