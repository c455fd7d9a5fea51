"""Links and languages that are not read: a sentence each, and nothing is ordered."""

import pytest

from imgbot.domain.texts import t
from imgbot.domain.words import read
from imgbot.domain.words.reading import Talk, WordReader
from imgbot.features.unread.words import ROWS
from tests.integration.stage import User, jpeg
from tests.unit.test_words import CHATS

OTHERS = """
gracias | hola | ¿cuánto cuesta? | ¿cómo estás? | dibuja un gato en la playa
obrigado | bom dia | quanto custa isso? | como você está? | quero um gato na praia
merci | bonjour | combien ça coûte ? | comment ça va ? | dessine-moi un chat
danke | guten Tag | was kostet das? | wie geht es dir? | zeichne eine Katze am Strand
grazie | ciao | quanto costa? | come stai? | disegna un gatto sulla spiaggia
bedankt | goedemorgen, hoe gaat het | hoeveel kost het? | hoe gaat het? | teken een kat
dziękuję | dzień dobry | ile to kosztuje? | jak się masz? | narysuj kota na plaży
teşekkürler | merhaba | bu ne kadar? | nasılsın? | bir kedi çiz
дякую | добрий день | скільки це коштує? | як справи? | намалюй кота
дякую | доброго ранку | почому? ще раз | як справи? | зроби фон темним | додай капелюх
شكرا | مرحبا | كم السعر | كيف حالك | ارسم قطة
תודה | שלום | כמה זה עולה | מה שלומך | צייר חתול
谢谢 | 你好 | 多少钱 | 你好吗 | 一只猫在海滩上
ありがとう | こんにちは | いくらですか | お元気ですか | 猫を描いて
감사합니다 | 안녕하세요 | 얼마예요 | 잘 지내세요 | 고양이 그려줘
धन्यवाद | नमस्ते | यह कितने का है | आप कैसे हैं | एक बिल्ली बनाओ
kiitos | moi, mitä kuuluu | mitä se maksaa | mitä kuuluu | piirrä kissa rannalle
"""


@pytest.mark.parametrize("line", OTHERS.split("\n")[1:-1])
def test_nothing_is_ordered_in_sixteen_languages(line: str) -> None:
    texts = line.split(" | ")
    found = {each: [read(each, CHATS[chat], ROWS) for chat in ("nothing", "photo", "picture")]
             for each in texts}  # fmt: skip

    assert [each for each in texts if not all(isinstance(it, Talk) for it in found[each])] == []


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_each_row_reads_its_examples(row: WordReader) -> None:
    found = [read(each.text, CHATS[each.after], ROWS) for each in row.examples]

    assert [each.topic for each in found if isinstance(each, Talk)] == [row.name] * 2


@pytest.mark.parametrize(
    "text",
    [
        "Notre Dame de Paris at night",
        "Día de los Muertos",
        "a cat with the text «你好»",
        "напиши https://example.com внизу",
        "la vie en rose, poster",
        "узор для ковра, қошқар мүйіз",
    ],
)
def test_names_and_quotations_are_read_as_ever(text: str) -> None:
    assert read(text, CHATS["picture"], ROWS) == read(text, CHATS["picture"])


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_the_answer_is_in_their_language_else_in_the_users(anna: User) -> None:
    told = [
        (await anna.ask(text)).text
        for text in ("dibuja un gato en la playa", "nacrtaj mačku", "https://youtu.be/abc")
    ]

    assert told[0] == "Solo entiendo inglés y ruso."
    assert told[1].startswith("I read English and Russian only")
    assert told[2].startswith("I don't open links.")


@pytest.mark.slow
@pytest.mark.asyncio(loop_scope="module")
async def test_a_caption_in_another_language_orders_nothing(anna: User) -> None:
    stage, cat, dog = anna.stage, jpeg("cat", (300, 300)), jpeg("astronaut", (300, 300))
    before = await stage.orders()
    for caption in ("añade un sombrero al gato", "让它更亮"):
        await anna.photos(cat, caption=caption)
    said = await anna.said()
    linked = await anna.ask("mi canal: https://t.me/gatos", cat)
    await anna.ask("agrega un sombrero al gato", cat, dog, fits=lambda m: "2 photos" in m.text)
    await anna.ask("/cancel")

    asked = t("en", "ask_photo_action")
    assert said[::2] == ["Solo entiendo inglés y ruso.", "我只懂英语和俄语。"]
    assert said[1::2] == [asked] * 2
    assert linked.text.startswith(t("en", "unread_link"))
    assert await stage.orders() == before
    await anna.order("give it a hat", cat)
