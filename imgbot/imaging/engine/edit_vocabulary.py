"""Vocabulary of edit requests, in Russian and English: phrases and the changes they ask for.

For lower-case text with "е" for "ё", without hyphens and apostrophes.
"""

from typing import NamedTuple

from imgbot.imaging.engine.colours import COLOUR_PATTERN as _COLOUR
from imgbot.imaging.engine.vocabulary import (
    ANTI,
    CLOCKWISE,
    CROP,
    END,
    FLIP,
    IT,
    MORE,
    OFF,
    REMOVE,
    ROTATE,
    SLIGHTLY,
    TAKE_AWAY,
    TO,
    TURN,
    TURN_OVER,
    TURNED_BACK_BY,
    TURNED_BY,
    less,
    more,
    removed,
)


class Phrase(NamedTuple):
    """Change with the pattern that asks for it; `{}` in its value is the first matched group."""

    key: str
    pattern: str
    value: str = ""


_LIGHT_NOUN = r"brightness|light|exposure|яркост\w*|света?|освещени\w+|экспозици\w*"
_CONTRAST_NOUN = r"contrast\w*|контраст\w*"
_SATURATION_NOUN = r"colou?rs?|saturation|красок|насыщенност\w*|цвета|цветов|цветност\w*|сочност\w*"
_COLOURFUL = r"|saturat\w*|vivid|vibran\w+|colou?rful|насыщенн\w*|сочн\w*|ярких цветов"
_BLUR_NOUN = r"blur\w*|размыт\w+|смаз\w*|блюр\w*|нечетк\w+|размаз\w+"
_NOISE_NOUN = r"noise|grain\w*|шум\w*|зерн\w+"
_SHARP_NOUN = r"sharpness|clarity|detail|резкост\w*|четкост\w*|детализаци\w*"

_LIGHT = (
    Phrase("brighter", more(_LIGHT_NOUN)
           + r"|bright(?:er|en|ness)?|light(?:er|en)|(?:по)?ярче|(?:по)?светлее|(?:о|по|вы)светл\w*"
             r"|яркост\w*|ярк(?:ий|ая|ое|ие|ой|им|ими|ую|о)|светл(?:ый|ая|ое|ые|ой|ым|ую)|(?:too"
             r"|so) dark|слишком темн\w+|очень темн(?:о|ое|ая|ый|ые)|темноват\w*|темно"
             r"|не (?:так|столь) темно|underexposed|недосвет\w*"),
    Phrase("darker", less(_LIGHT_NOUN + r"|bright|ярк\w*|светл\w*")
           + r"|dark(?:er|en)?|dim(?:mer)?|(?:по)?темнее|[зп]атемн\w*|притемн\w*|потемни|темн(?:ый"
             r"|ая|ое|ой|ым|ую)|too bright|слишком (?:ярк|светл)\w+|overexposed"
             rf"|пересвечен\w*|сдела\w+{IT} темно"),
    Phrase("contrast", more(_CONTRAST_NOUN)
           + r"|contrast(?:y|ier)?|(?:по)?контраст\w*"
             r"|(?:more|add|darken|deepen|dark(?:er)?|deep(?:er)?)(?: the)? shadows"
             r"|(?:больше|добав\w+|темнее) (?:тени|теней)|(?:затемн\w+|темные|усил\w+"
             r"|углуб\w+) тени|тени (?:по)?темнее"),
    Phrase("flatter", less(_CONTRAST_NOUN)
           + r"|low contrast|flat(?:ter|ten)?|too contrasty|слишком контраст\w+"
             r"|малоконтраст\w+"),
    Phrase("shadows", r"(?:lift|brighten|open(?: up)?|raise|lighten|recover) (?:the )?shadows"
                      r"|(?:вытян\w*|подним\w+|осветл\w+|высветл\w+|открой|прояв\w+) тени"
                      r"|тени (?:по)?светлее|shadows|светлее тени|(?:fewer|less|reduce|too|not so)"
                      r" (?:dark )?shadows|shadows (?:are )?too dark|меньше теней"
                      r"|слишком темные тени|тени слишком темные"),
    Phrase("highlights", r"(?:recover|lower|reduce|darken|tame) (?:the )?highlights|(?:убер\w+ "
                         r"|приглуш\w+ |спас\w+ |верн\w+ )?(?:пересвет\w*|света)|highlights"
                         r"|засвет\w+"),
    Phrase("glow", r"(?:soft )?glow\w*|dreamy|свечени\w+|сияни\w+|мечтательн\w+"),
    Phrase("vignette", r"vignett\w*|dark(?:en)? (?:the )?(?:edges|corners)|виньет\w*"
                       r"|затемн\w+ (?:по )?(?:кра\w+|угл\w+)|темные (?:края|углы)"),
    Phrase("dehaze", "dehaze|" + removed("haze|fog|mist|дымку|туман|вуаль")),
    Phrase("night", r"(?:at |like |as )?night(?:time)?|day to night|(?:как )?ноч(?:ь|ью|ной|ное|ная"
                    r"|ную)"),
    Phrase("golden_hour", r"golden hour|sunset(?: light)?|sunny|золотой час|закат\w*|солнечн\w+"),
)  # fmt: skip

_COLOUR_CHANGES = (
    Phrase("warmer", r"warm(?:er|th|ing)?(?: up| light)?|(?:по)?теплее|потепли|утепл\w*|теплот\w+"
                     r"|уютнее|тепл(?:ый|ая|ое|ые|ым|ой|ых|ыми)(?: свет\w*)?|(?:too|so) (?:cold"
                     r"|blue)|слишком холодн\w+"),
    Phrase("cooler", r"cool(?:er)?(?: down| light)?|cold(?:er)?|(?:по)?холоднее|(?:по)?прохладнее"
                     r"|холодн\w+(?: свет\w*)?|прохладн\w+|охлад\w+|too warm"
                     r"|слишком тепл\w+"),
    Phrase("saturate", more(_SATURATION_NOUN)
           + r"|saturat\w*|vivid\w*|vibran\w+|colou?rful|(?:по)?насыщенн\w*|(?:по)?сочн\w+"
             r"|(?:по)?красочн\w+|(?:по)?цветаст\w+|живее|яр(?:че|ки[ех]) (?:цвета|цветов|краски)"
             r"|цвета (?:по)?ярче|brighter colou?rs"),
    Phrase("desaturate", less(_SATURATION_NOUN + _COLOURFUL)
           + r"|desaturat\w*|muted?(?: colou?rs)?|приглуш\w+|блекл\w+|тускл\w+"
             r"|dull|pale|(?:по)?бледн\w+"
             r"|too (?:saturated|colou?rful)|слишком (?:насыщ|сочн)\w+|пастел\w+|pastel"),
    Phrase("black_white", r"black (?:and |n )?white|b w|bw|bnw|monochrome|gr[ae]yscale|черно бел\w*"
                          r"|чернобел\w*|чб|чбшн\w+|ч б|монохром\w*|обесцвет\w*|без цвета"
                          r"|without colou?r"
                          rf"|{TAKE_AWAY} (?:colou?rs?|цвет(?:а|ов|ность)?)"),
    Phrase("sepia", r"sepia|сепи\w+"),
    Phrase("tint", rf"(?:(?:in|with|в|с) )?(?:a )?({_COLOUR}) (?:tint\w*|tones?|hues?"
                   r"|тон(?:а|е|ах|ов|ом|у|ы)?"
                   rf"|оттен\w*|цвете?)|tint(?:ed)?(?: it)?(?: in)? ({_COLOUR})"
                   rf"|тонируй в ({_COLOUR})", "{}"),
    Phrase("less_colour", rf"{REMOVE} ({_COLOUR})(?: (?:tints?|casts?|tones?|hues?|colou?r"
                          rf"|оттен\w*|тон\w*|цвет\w*))?"
                          rf"|(?:too|слишком)(?: much| много)? ({_COLOUR})", "{}"),
    Phrase("less_colour", removed(r"(желтизн\w*|краснот\w*|синев\w*|зелен\w*)"), "{}"),
    Phrase("less_colour", removed(rf"({_COLOUR}) (?:tints?|casts?|оттен\w*|цвет\w*)"), "{}"),
    Phrase("more_colour", rf"(?:{MORE}) ({_COLOUR})(?: (?:цвет\w*|colou?r))?", "{}"),
    Phrase("more_colour", r"(?:по)?((?:красн|желт|зелен|розов|голуб)ее)|по(синее)"
                          r"|(redder|yellower|greener|bluer|pinker)", "{}"),
    Phrase("white_balance", rf"(?:{REMOVE} )?(?:баланс\w* белого|white balance)"
                            rf"|{REMOVE} (?:colou?r )?(?:casts?|tints?|оттен\w+|цветовой сдвиг)"
                            rf"|natural colou?rs?"
                            r"|(?:естественн|натуральн)\w+ цвета|цвета (?:естественн|натуральн)\w+"
                            r"|colou?r correct\w*|(?:fix|correct|clean(?: up)?) (?:the )?colou?rs?"
                            r"|цветокор\w*"
                            r"|(?:исправ\w+|почист\w+|поправ\w+) цвета?"),
    Phrase("duotone", r"duo ?tones?|дуотон\w*|two colou?rs?|в два цвета|двухцветн\w+"),
    Phrase("invert", r"invert\w*|negative|негатив\w*|инвер\w+"),
    Phrase("pop", r"(?:make (?:it )?)?pops?(?: more)?|punch(?:y|ier)?|dramatic|stand out"
                  r"|(?:по)?выразительн\w+|(?:по)?эффектн\w+|драматичн\w+|wow|вау"),
    Phrase("depth", r"hdr|(?:more )?depth|local contrast|(?:по)?объем\w*|глубин\w+|structure"
                    r"|структур\w*|(?:по)?рельефнее"),
)  # fmt: skip

_LOOKS = (
    Phrase("vintage", r"vintage|retro|old(?: |er )photo|old fashioned|aged?|винтаж\w*|ретро"
                      r"|(?:под )?старин\w+|стар(?:ое|ая|ую|ой|ого) (?:фото\w*|снимок)|состар\w+"
                      r"|как в старину|(?:из )?(?:19)?[6-9]0 ?(?:х|е|x|s)"),
    Phrase("film", r"(?:analog(?:ue)? )?film(?: look)?|kodak|пленк\w+|пленочн\w+|аналог\w+"),
    Phrase("faded", r"faded?|matte?|washed out|выцвет\w+|выцвел\w*|матов\w+|выгорев\w+"),
    Phrase("cinematic", r"cinema\w*|movie(?: look)?|teal (?:and )?orange|кино(?:шн\w+)?"
                        r"|кинематогр\w+|(?:как )?(?:в )?кино|как из фильма"),
    Phrase("noir", r"noir|нуар\w*|драматичн\w+ (?:чб|черно бел\w+)"),
    Phrase("grain", r"(?:film )?(?:grain\w*|noisy)|add noise|зерн\w+(?: пленк\w+)?"
                    r"|добав\w+ шум\w*|шумн\w+"),
    Phrase("pixelate", r"(?<!\d )(?:pixel|пиксел)\w*|8 ?bit|мозаик\w+|mosaic"),
    Phrase("posterize", r"posteri[sz]e\w*|poster|постер\w*|плакат\w*"),
    Phrase("solarize", r"solari[sz]e\w*|соляриз\w*"),
    Phrase("outline", r"outlines?|contours?|edges|line art|контур\w*|линиями"),
    Phrase("sketch", r"(?:pencil )?sketch\w*|pencil(?: drawing)?|drawing|drawn|набросок\w*|эскиз\w*"
                     r"|(?:рисун\w+ )?карандаш\w*|рисун\w+|рисован\w+|скетч\w*"),
    Phrase("emboss", r"emboss\w*|relief|рельеф\w*|тиснени\w+|чеканк\w+"),
    Phrase("cartoon", r"cartoon\w*|comics?|anime|мульт\w+|комикс\w*|аниме"),
    Phrase("oil", r"(?:oil )?paint(?:ing|ed)|oil(?: paints?)?|(?:картин\w+ )?масл\w+|живопис\w+"
                  r"|(?:как )?картин(?:а|ой)"),
    Phrase("watercolour", r"water ?colou?r\w*|aquarelle?|акварел\w*"),
    Phrase("halftone", r"half ?tone\w*|newspaper|газет\w+|растр\w*|полутон\w*"),
    Phrase("pop_art", r"pop ?art|warhol|поп ?арт\w*|уорхол\w*"),
    Phrase("glitch", r"glitch\w*|vhs|глитч\w*|помех\w+"),
    Phrase("miniature", r"miniature|tilt ?shift|toy(?: town)?|миниатюр\w*|тилт ?шифт|игрушечн\w+"),
    Phrase("blur", r"(?:more )?blur\w*|out of focus|размы\w+|размо\w+|расфокус\w*|заблюр\w*|блюр\w*"
                   r"|нерезк\w+|нечетк\w+|размаз\w+"),
    Phrase("blur_edges", r"(?:blur\w*|soften|unfocus|defocus) (?:the |out the |my )?(?:background"
                         r"|bg|backdrop|edges)|(?:blurr(?:y|ed)|soft|out of focus) (?:background|bg"
                         r"|edges)|bokeh|боке|(?:background|bg) (?:blur\w*|out of focus)"
                         r"|portrait mode|портретный режим|(?:размы\w+|размо\w+|заблюр\w*"
                         r"|блюр\w*)(?: мне)? (?:задн\w+ )?(?:фон\w*|план\w*|кра\w+)"
                         r"|(?:задн\w+ )?(?:фон|план) (?:размы\w+|размо\w+|заблюр\w*)"
                         r"|размыт\w+ (?:задн\w+ )?фон\w*"),
    Phrase("soften", r"(?:by )?soft(?:er|en)?|smooth(?:er|en)?(?: (?:the )?skin)?|(?:по)?мягче"
                     r"|смягч\w*|(?:сглад\w+|гладк\w+|разглад\w+)(?: кож\w+)?|too sharp"
                     r"|мягкост\w+"),
)  # fmt: skip

_SHAPE = (
    Phrase("rotate_left", rf"{TURN} {ANTI}"),
    Phrase("rotate_right", rf"{ROTATE} (?:горизонтально|вертикально|horizontally|vertically"
                           r"|по (?:горизонтали|вертикали)|в (?:горизонтальн|вертикальн)\w+"
                           r" (?:положени|ориентаци|вид)\w*)"
                           rf"|{TURN} {CLOCKWISE}|{ROTATE}|turn{IT}{END}|на ?бок|sideways"),
    Phrase("upside_down", rf"(?:{TURN} )?(?:upside down|вверх ногами|вверх тормашками)"
                          rf"|перев[ео]р\w+{IT}(?: вверх ногами)?|кверху ногами"),
    Phrase("rotate", rf"(?:{TURN}|{TURN_OVER}){TURNED_BY}(?: {CLOCKWISE})?"
                     rf"|{TURN} {CLOCKWISE}{TURNED_BY}"
                     rf"|наклон\w*{IT}{TURNED_BY}(?: {CLOCKWISE})?", "{}"),
    Phrase("rotate", rf"(?:{TURN}|{TURN_OVER})(?:{TURNED_BY} {ANTI}|{TURNED_BACK_BY})"
                     rf"|{TURN} {ANTI}{TURNED_BY}"
                     rf"|наклон\w*{IT}{TURNED_BY} {ANTI}", "-{}"),
    Phrase("rotate", rf"{TURN} {SLIGHTLY} {CLOCKWISE}"
                     rf"|наклон\w*{IT} (?:{SLIGHTLY} )?{CLOCKWISE}",
           "5"),
    Phrase("rotate", rf"{TURN} {SLIGHTLY} {ANTI}|наклон\w*{IT} (?:{SLIGHTLY} )?{ANTI}", "-5"),
    Phrase("mirror", rf"mirror\w*|{FLIP}(?: (?:it )?horizontal\w*| по горизонтали| слева направо)?"
                     r"|(?:от)?зеркал\w*"
                     rf"|{TURN_OVER} (?:по горизонтали|горизонтально|слева направо|зеркально)"),
    Phrase("flip", rf"{FLIP} (?:vertical\w*|upside|по вертикали|сверху вниз)"
                   rf"|{TURN_OVER} (?:по вертикали|вертикально|сверху вниз)"),
    Phrase("square", rf"(?:{CROP}{TO} )?(?:square|квадрат\w*)|(?:{CROP}{TO} )?1:1"),
    Phrase("crop_ratio", rf"(?:{CROP}{TO} )?(\d{{1,2}}:\d{{1,2}})(?: format| ratio)?", "{}"),
    Phrase("crop_ratio", rf"(?:{CROP}{TO} )?(?:сторис\w*|story|stories|reels?|рилс\w*)", "9:16"),
    Phrase("crop_ratio", rf"(?:{CROP}{TO} )?(?:wide ?screen|широк\w+ (?:экран|формат)\w*"
                         r"|широкоэкран\w+|широкоформат\w+|youtube|ютуб\w*)", "16:9"),
    Phrase("crop_ratio", rf"(?:{CROP}{TO} )?(?:vertical(?:ly)?|portrait (?:format|orientation)"
                         r"|вертикальн\w+|портретн\w+ (?:формат|ориентаци)\w*)", "3:4"),
    Phrase("crop_ratio", rf"(?:{CROP}{TO} )?(?:horizontal(?:ly)?|landscape (?:format|orientation)"
                         r"|горизонтальн\w+|альбомн\w+ (?:формат|ориентаци)\w*)", "4:3"),
    Phrase("fit_ratio", r"(?:fit|впиши|впихни|вписать|помести|поля)(?: it)? (?:in|into|to|в"
                        r"|до)(?: a)? (\d{1,2}:\d{1,2})(?: (?:without cropping|без обрезки))?"
                        r"|(?:\w+ )?(\d{1,2}:\d{1,2}) (?:without cropping|no crop|без обрезки"
                        r"|не обрезая)", "{}"),
    Phrase("fit_ratio", r"(?:fit|впиши|впихни|вписать|помести|поля)(?: it)? (?:in|into|to|в"
                        r"|до)(?: a)? (?:square|квадрат\w*)|(?:square"
                        r"|квадрат\w*) (?:without cropping|no crop|без обрезки|не обрезая)", "1:1"),
    Phrase("crop_side", rf"{CROP} {OFF}(?:top|верх\w*|сверху)(?: (?:edge|part|край|часть))?",
           "top"),
    Phrase("crop_side", rf"{CROP} {OFF}(?:bottom|низ\w*|снизу)(?: (?:edge|part|край|часть))?",
           "bottom"),
    Phrase("crop_side", rf"{CROP} {OFF}(?:left|лев\w+|слева)(?: (?:side|edge|край|сторон\w+))?",
           "left"),
    Phrase("crop_side", rf"{CROP} {OFF}(?:right|прав\w+|справа)(?: (?:side|edge|край"
                        rf"|сторон\w+))?",
           "right"),
    Phrase("crop_edges", rf"(?!cut ){CROP}(?: (?:the )?(?:edges|края|по краям|со всех сторон"
                         rf"|немного))?"
                         r"|tighter"),
    Phrase("zoom", r"zoom(?: (?:it )?in)?|close(?:r|up)|close up|приблиз\w*|(?:по)?крупнее"
                   r"|(?:по)?ближе|зум\w*"),
    Phrase("smaller", r"resize|shrink|smaller|downscale|half (?:the )?size|compress|(?:уменьш\w+"
                      r"|сожм\w+|сжать)(?: (?:размер|фото|картинку|разрешение|в два раза|вдвое))?"
                      r"|размер (?:по)?меньше|(?:make )?(?:it )?half as (?:big|large)"),
    Phrase("smaller", r"(?:resize|shrink|downscale|уменьш\w+|сожм\w+|сжать)(?: \w+){0,3} "
                      r"(\d{2,4}) ?(?:px|pixels?|пикс\w*)", "{}"),
    Phrase("frame", r"(?:fram(?:e|ed|ing)|border\w*|рамк\w+|рамочк\w+|паспарту)"),
    Phrase("colour_frame", rf"(?:{MORE} )?(?:an? )?({_COLOUR}) (?:fram(?:e|ing)|border"
                           r"|рам(?:оч)?к\w+)"
                           rf"|рам(?:оч)?к\w+ (?:в )?({_COLOUR})(?: (?:цвета|цвете|тона))?"
                           rf"|(?:frame|border) in(?: an?)? ({_COLOUR})", "{}"),
    Phrase("polaroid", r"polaroid|instant photo|полароид\w*|поляроид\w*"),
    Phrase("round_corners", r"round(?:ed)?(?: the)? corners?|(?:с|за)кругл\w+(?: угл\w+)?"
                            r"|круглые углы"),
    Phrase("circle", rf"(?:{CROP}{TO} )?(?:circle|круг(?:ом|у|е)?|кружк\w+|кружок)"
                     rf"|(?:в )?кругл(?:ая"
                     r"|ое|ый|ую|ой)(?: фото)?|avatar|аватар\w*|аву|авы|ава"),
)  # fmt: skip

_THE_OLD = (
    r"(?:this|the|my|an?|эту|это|этот|мою|мое|мой|old|vintage|damaged|faded|стар(?:ое|ую|ый|ые|ых)"
    r"|старинн(?:ое|ую|ый)|ретро)"
)
_BW = r"(?:чб|ч б|черно бел\w+|черно белое|bw|b w|black (?:and |n )?white)"
_OLD_PHOTO = r"(?:photo\w*|picture|image|pic|фото\w*|фотк\w+|снимок|снимк\w+|картинк\w+)"
_REPAIR = (
    r"(?:restor\w+|repair\w*|enhance|improve|fix|retouch\w*|восстанов\w+|(?:от)?реставр\w+"
    r"|почини\w*|улучш\w*|исправ\w*|(?:от)?ретуш\w*|обработ\w+)"
)

_REPAIRS = (
    Phrase("red_eye", rf"(?:{REMOVE} )?(?:red ?eyes?|красн\w+ глаз\w*)"),
    Phrase("scratches", removed(r"scratch\w*|царапин\w*")),
    Phrase("dust", removed(r"dust\w*|specks?|пыль|пылинк\w+|соринк\w+|пятнышк\w+")),
    Phrase("auto", rf"{_REPAIR}(?: {_THE_OLD})*(?: {_OLD_PHOTO})?"),
    Phrase("auto", r"auto(?: ?levels?| ?fix| ?enhance| ?correct\w*)?|enhance|improve|better|nicer"
                   r"|retouch\w*|fix(?: it)?|prett(?:y|ier)|beautif\w+|улучш\w*|авто(?:уровни"
                   r"|коррекци\w+)?|исправ\w*|(?:по)?красив\w+|красивше|(?:по)?лучше|ретуш\w*"
                   r"|отретуш\w*|обработ\w+|(?:по)?качественнее|качеств\w+"),
    Phrase("sharpen", more(_SHARP_NOUN) + rf"|(?:more )?sharp\w*|crisp\w*|clear(?:er)?"
                                           rf"|{_SHARP_NOUN}"
                                           r"|(?:по)?резче|(?:по)?четче|четк\w+|резк(?:ий|ая|ое|о|ую"
                                           r"|им|ой)|too (?:blurry|soft)"
                                           rf"|{removed(_BLUR_NOUN)}|размыто|(?:de|un) ?blur\w*"
                                           rf"|смазан\w*|детальнее"),
    Phrase("denoise", rf"denois\w*|{removed(_NOISE_NOUN)}|шумоподавл\w*|too"
                      r" (?:noisy|grainy)|слишком (?:шумн|зернист)\w+|шумодав|cleaner"
                      r"|почище|(?:too much|a lot of|lots of) (?:noise|grain)"
                      r"|(?:слишком )?много (?:шум|зерн)\w+"
                      rf"|clean{IT} up|почист\w+{IT}"),
)  # fmt: skip

# Recognised but unsupported: reported as unrecognised instead of being applied in part.
NOT_DONE = "not_done"
UNSUPPORTED = (
    Phrase(NOT_DONE, rf"(?:{_BW} (?:{_OLD_PHOTO} )?(?:, )?)?(?:раскрас\w+|colou?ri[sz]e\w*)"
                     rf"(?: {_THE_OLD}| {_BW})*(?: {_OLD_PHOTO})?"
                     r"|(?:сдела\w*|делай)(?: \w+){0,4} цветн(?:ой|ое|ая|ую|ым|ыми|ые)(?! рам)"
                     rf"|(?:make|turn)(?: \w+){{0,2}} {_BW}(?: \w+)?(?: in(?:to)?)?"
                     r" colou?r(?:ed|ful)?"
                     r"|zoom(?: it)? out|отдали\w*|(?:по)?дальше"),
)  # fmt: skip

PHRASES: tuple[Phrase, ...] = (*_LIGHT, *_COLOUR_CHANGES, *_LOOKS, *_SHAPE, *_REPAIRS)
KEYS = tuple(dict.fromkeys(phrase.key for phrase in PHRASES))
# Changes whose value is the key of a colour.
COLOURED = frozenset({"tint", "less_colour", "more_colour", "colour_frame"})
OPPOSITES = {
    one: other
    for pair in (
        ("brighter", "darker"), ("contrast", "flatter"), ("warmer", "cooler"),
        ("saturate", "desaturate"), ("sharpen", "soften"),
    )
    for one, other in (pair, pair[::-1])
}  # fmt: skip
