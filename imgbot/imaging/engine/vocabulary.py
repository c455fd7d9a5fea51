"""The words that edit understands, in Russian and English."""

import re

SLIGHT, MUCH = 0.5, 1.8
# "20 % brighter": a change of normal strength counts as this many percent.
NORMAL_PERCENT = 25

_MORE = (
    r"(?:more|add|increase|raise|boost|больше|добавь|добавить|прибавь|увеличь|повысь|усиль|подними)"
)
_LESS = r"(?:less|lower|reduce|decrease|меньше|менее|убавь|уменьши|снизь|понизь|ослабь)"
_TURN = (
    r"(?:rotate|turn|поверни|повернуть|поверните|разверни|развернуть)(?: (?:it|photo|фото|его|ее))?"
)
_FLIP = r"(?:flip|отрази|отразить)(?: (?:it|photo|фото|его|ее))?"

# The first group of a pattern, where it has one, is the step's value.
PATTERNS: tuple[tuple[str, str], ...] = (
    ("brighter", (rf"{_MORE} (?:brightness|light|exposure|яркост\w*|света?|экспозици\w*)"
                 r"|bright(?:er|en|ness)?|light(?:er|en)|(?:по)?ярче|(?:по)?светлее|[ов]светл\w*"
                 r"|высветл\w*|яркост\w*|ярк(?:ий|ая|ое|ие|ой|им|ую)")),
    ("darker", (rf"{_LESS} (?:bright\w*|light|exposure|яркост\w*|света?|ярк\w*)"
               r"|dark(?:er|en)?|dim(?:mer)?|(?:по)?темнее|[зп]атемн\w*|притемн\w*|темн(?:ой|ым)")),
    ("contrast", rf"(?:{_MORE} )?(?:contrast(?:y|ier)?|(?:по)?контраст\w*)"),
    ("flatter", rf"{_LESS} (?:the )?(?:contrast\w*|контраст\w*)|low contrast|flat(?:ter)?"),
    ("warmer", r"warm(?:er|th)?|(?:по)?теплее|тепл(?:ый|ая|ое|ые|ым|ой|ых)|утепл\w*"),
    ("cooler", r"cool(?:er)?|cold(?:er)?|(?:по)?холоднее|(?:по)?прохладнее|холодн\w+"),
    ("saturate", (rf"{_MORE} (?:colou?rs?|saturation|цвета|красок|насыщенност\w*)|saturat\w*|vivid"
                 r"|vibran\w+|colou?rful|(?:по)?насыщенн\w*|(?:по)?сочн\w+|красочн\w+")),
    ("desaturate", (rf"{_LESS} (?:colou?r\w*|saturat\w*|vivid|цвет\w*|насыщенн\w*|ярких цветов)"
                   r"|desaturat\w*|muted?|приглуш\w+|блекл\w+|бледн\w+")),
    ("black_white", (r"black (?:and |n )?white|b w|bw|monochrome|gr[ae]yscale|черно бел\w*|чб|ч б"
                    r"|монохром\w*|обесцвет\w*|без цвета")),
    ("sepia", r"sepia|сепи\w+"),
    ("vintage", (r"vintage|retro|old photo|винтаж\w*|ретро|старинн\w+|под старину"
                r"|стар(?:ое|ая|ую) фото\w*")),
    ("blur", rf"(?:{_MORE} )?(?:blur\w*|размы\w+|размой|размойте|расфокус\w*)|out of focus"),
    ("sharpen", (r"(?:more )?sharp\w*|crisp\w*|clarity|(?:по)?резче|резкост\w*|(?:по)?четче"
                r"|четкост\w*")),
    ("soften", r"soft(?:er|en)?|(?:по)?мягче|смягч\w*"),
    ("glow", r"glow\w*|dreamy|свечени\w+|сияни\w+"),
    ("invert", r"invert\w*|negative|негатив\w*|инвер\w+"),
    ("rotate_left", (rf"{_TURN} (?:to the )?(?:left|counter ?clockwise|anti ?clockwise|налево|влево"
                    r"|против часовой(?: стрелки)?)")),
    ("rotate_right", (rf"{_TURN} (?:to the )?(?:right|clockwise|направо|вправо"
                     rf"|по часовой(?: стрелке)?)|{_TURN}")),
    ("upside_down", (rf"{_TURN} (?:upside down|вверх ногами)|upside down|вверх ногами"
                    r"|переверн\w+(?: фото| его| ее)?(?: вверх ногами)?")),
    ("rotate", rf"{_TURN} (?:by |на )?(\d{{1,3}})(?: degrees?| градус\w*)?"),
    ("mirror", rf"mirror\w*|{_FLIP}(?: horizontal\w*| по горизонтали)?|отзеркал\w*|зеркал\w*"),
    ("flip", rf"{_FLIP} (?:vertical\w*|по вертикали)"),
    ("square", (r"(?:(?:crop|cut|trim|обреж\w*|кадрируй) (?:to |into |в |под |до )?(?:a )?)?"
               r"(?:square|квадрат\w*)")),
    ("crop_ratio", r"(?:(?:crop|обреж\w*|кадрируй) (?:to |до |под )?)?(\d{1,2}:\d{1,2})"),
    ("zoom", r"zoom(?: in)?|closer|приблиз\w*|крупнее|ближе"),
    ("vignette", r"vignett\w*|виньет\w*"),
    ("frame", r"(?:white |бел\w+ )?(?:fram\w+|border\w*|рамк\w+|рамочк\w+)"),
    ("black_frame", r"(?:black|черн\w+) (?:frame|border|рамк\w+|рамочк\w+)"),
    ("polaroid", r"polaroid|instant photo|полароид\w*"),
    ("round_corners", r"round(?:ed)? corners?|скругл\w+(?: углы)?|закругл\w+(?: углы)?"),
    ("grain", r"(?:film )?grain\w*|film|зерн\w+|пленк\w+|пленочн\w+"),
    ("pixelate", r"pixel\w*|пиксел\w*"),
    ("posterize", r"posteri[sz]e\w*|poster|постер\w*|плакат\w*"),
    ("solarize", r"solari[sz]e\w*|соляриз\w*"),
    ("outline", r"outline\w*|contours?|edges|контур\w*"),
    ("sketch", (r"(?:pencil )?sketch\w*|pencil(?: drawing)?|drawing|набросок|эскиз\w*|карандаш\w*"
               r"|рисун\w+")),
    ("emboss", r"emboss\w*|relief|рельеф\w*|тиснени\w+"),
    ("cartoon", r"cartoon\w*|comics?|мульт\w+|комикс\w*"),
    ("oil", r"oil(?: paint\w*)?|painting|масл\w+|живопис\w+|картин(?:а|у|ой) маслом"),
    ("halftone", r"half ?tone\w*|newspaper|газет\w+|растр\w*|полутон\w*"),
    ("duotone", r"duo ?tone\w*|дуотон\w*"),
    ("tint", r"(?:(?:in|в) )?(\w+) (?:tint|tones?|тон\w*|оттен\w*)"),
    ("miniature", r"miniature|tilt ?shift|миниатюр\w*|игрушечн\w+"),
    ("auto", (r"auto(?: ?levels?| ?fix| ?enhance| ?correct\w*)?|enhance|improve|better|nicer"
             r"|улучш\w*|авто(?:уровни|коррекци\w+)?|исправ\w*|красивее|лучше")),
    ("shadows", (r"(?:lift|brighten|open|raise|lighten) (?:the )?shadows"
                r"|(?:вытян\w*|подними|осветли|высветли) тени|тени светлее")),
    ("highlights", (r"(?:recover|lower|reduce|darken) (?:the )?highlights"
                   r"|(?:убери |приглуши )?(?:пересвет\w*|света)")),
    ("dehaze", r"dehaze|remove (?:the )?(?:haze|fog)|убери (?:дымку|туман)"),
    ("denoise", rf"denois\w*|(?:remove|{_LESS}) (?:the )?noise|убери шум\w*|шумоподавл\w*"),
)  # fmt: skip

KEYS = tuple(key for key, _ in PATTERNS)

DEGREES = (
    (SLIGHT, re.compile(
        r"(?<!\w)(?:a (?:little|bit|touch|tad)|slight\w*|somewhat|little|bit|subtl\w+"
        r"|чуть(?: чуть)?|немного|немножк\w+|слегка|капельку|едва|легк\w+)(?!\w)")),
    (MUCH, re.compile(
        r"(?<!\w)(?:a lot|much|very|strong\w*|lots?|heav\w+|really|way|super|max\w*|extreme\w*"
        r"|сильн\w+|очень|намного|гораздо|значительно|максимальн\w*|совсем|супер)(?!\w)")),
)  # fmt: skip
PERCENT = re.compile(r"(?<!\w)(?:by |на )?(\d{1,3}) ?(?:%|percent|процент\w*)")

# What asks for the opposite of the change behind it, and is not understood with it.
NEGATION = re.compile(
    r"(?:^| )(?:не|без|not|no|don t|without|remove|убери|убрать|удали|сотри|erase|delete)"
    r"(?: the| a)? $"
)

_FILLER_WORDS = """
a an the it its this that my me i to of in on at by with for and then also but so make do please
can could you photo picture image pic photos pictures everything all look looks like want need more
bit be is up apply effect filter style give turn into as add
и а но в во на с со до из у к ко по для чтобы было бы будет потом затем еще также тоже сделай
сделать сделайте пусть пожалуйста фото фотку фотографию фотография снимок картинку картинка
изображение его ее это эту этот мне мой мою хочу надо нужно можно добавь добавить наложи эффект
фильтр стиль стиле все всю весь более больше цвета цвет как под
"""
# What may stand in a sentence and asks for nothing.
FILLERS = frozenset(_FILLER_WORDS.split())
