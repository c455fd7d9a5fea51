"""Ten conversations in Russian."""

from tests.bench.conversation_talk import Script, Talk, colourfulness, jpeg, photo
from tests.fixtures.photos import add_noise, load_photo, psnr_db, underexpose

_FACE = (140, 0, 340, 200)
_SUIT = (60, 180, 460, 512)
_EYES = (80, 40, 320, 200)


async def _first_time(talk: Talk) -> None:
    await talk.say("/start")
    menu = await talk.answer("Привет!")
    await talk.press(menu, "Создать")
    await talk.answer("Что нарисовать?")
    await talk.say("лиса в осенем лесу")
    first = await talk.picture("лиса в осенем лесу")
    await talk.press(first, "Ещё раз")
    second = await talk.picture("лиса в осенем лесу")
    assert second.photo_unique_id != first.photo_unique_id
    await talk.say("теплее", reply_to=second.id)
    await talk.picture("✏️ теплее")
    await talk.say("сделай ярче")
    await talk.picture("✏️ сделай ярче")
    await talk.say("сколько это стоит?")
    await talk.answer("Для вас это бесплатно")
    await talk.say("удали мои данные")
    await talk.answer("/forget_me")
    await talk.say("спасибо")
    await talk.answer("Рад помочь!")


async def _photo_without_words(talk: Talk) -> None:
    await talk.photos(photo("cat"))
    question = await talk.answer("Что сделать с этим фото?")
    assert len(question.buttons) == 4
    await talk.press(question, "Улучшить")
    better = await talk.picture("✨")
    await talk.press(better, "До и после")
    pair = await talk.picture("До и после")
    wide, high = (await talk.image(pair)).size
    assert wide > high
    await talk.photos(photo("astronaut"))
    await talk.answer("Что сделать с этим фото?")
    await talk.say("чб и виньетку")
    grey = await talk.picture("чб и виньетку")
    assert colourfulness(await talk.image(grey)) < 5


async def _replies_and_back(talk: Talk) -> None:
    [sent] = await talk.photos(photo("astronaut"), caption="сделай потеплее")
    first = await talk.picture("сделай потеплее")
    await talk.say("чб", reply_to=first.id)
    second = await talk.picture("чб")
    await talk.say("поверни вправо", reply_to=second.id)
    third = await talk.picture("поверни вправо")
    await talk.press(third, "Назад")
    assert (await talk.picture()).photo_unique_id == second.photo_unique_id
    await talk.say("/undo")
    assert (await talk.picture()).photo_unique_id == first.photo_unique_id
    await talk.say("/undo")
    mine = await talk.picture("Это ваша исходная картинка")
    assert mine.photo_unique_id == sent.photo_unique_id
    await talk.say("/undo")
    await talk.answer("Отменять нечего")
    await talk.say("сочнее", reply_to=mine.id)
    assert "сочнее" in (await talk.picture("сочнее")).text


async def _album_without_words(talk: Talk) -> None:
    album = await talk.photos(
        photo("cat"), photo("astronaut", _FACE), photo("astronaut", _SUIT), gap_ms=200
    )
    panel = await talk.answer("Фото: 3")
    await talk.late(album[0], photo("cat", _EYES))
    panel = await talk.answer("Фото: 4")
    assert len([m for m in await talk.said() if m.buttons]) == 1, "one panel, not two"
    await talk.press(panel, "Объединить")
    merged = await talk.picture("Объединено фото: 4")
    assert "коллаж" in merged.text
    await talk.photos(photo("astronaut"), photo("cat", _EYES), caption="вставь 2 в 1")
    assert (await talk.picture("Объединено фото: 2")).text


async def _dark_and_noisy(talk: Talk) -> None:
    clean = load_photo("astronaut")
    damaged = add_noise(underexpose(clean, 2), 14)
    await talk.say("/retouch")
    await talk.answer("Пришлите фото")
    await talk.photos(jpeg(damaged, 92))
    better = await talk.picture("Улучшено")
    image = (await talk.image(better)).resize(clean.size)
    gained = psnr_db(image, clean) - psnr_db(damaged, clean)
    assert gained > 2, f"only {gained:.1f} dB nearer to the original"
    await talk.say("/compare")
    await talk.picture("До и после")
    await talk.say("ещё светлее", reply_to=better.id)
    await talk.picture("ещё светлее")


async def _four_times(talk: Talk) -> None:
    small = photo("cat", width_px=320)
    await talk.say("/upscale")
    await talk.answer("Пришлите картинку")
    await talk.photos(small)
    question = await talk.answer("Во сколько раз")
    assert [button["text"] for button in question.buttons] == ["×2", "×4"]
    await talk.say("побольше")
    await talk.answer("Нажмите ×2 или ×4")
    await talk.say("4")
    large = await talk.picture("Увеличено ×4")
    assert (await talk.image(large)).width == 1280
    await talk.press(large, "Файлом")
    await talk.picture("Картинка файлом")


async def _cards(talk: Talk) -> None:
    await talk.say("открытка «С днём рождения, мама!» цветы")
    await talk.picture("С днём рождения, мама!")
    await talk.say("постер «Лето», море, 2 варианта, --ar 3:4")
    pair = [await talk.picture("постер «Лето», море") for _ in range(2)]
    assert len({m.photo_unique_id for m in pair}) == 2
    for message in pair:
        width, height = (await talk.image(message)).size
        assert abs(width / height - 3 / 4) < 0.02
    await talk.say("зимний город ночью, квадрат")
    width, height = (await talk.image(await talk.picture("зимний город ночью"))).size
    assert width == height


async def _queue_and_cancel(talk: Talk) -> None:
    await talk.say("горы на рассвете, масло, 4 варианта")
    await talk.say("маяк в шторм, витраж, 4 варианта")
    await talk.say("/queue")
    line = await talk.answer("Ваших картинок в работе")
    assert await talk.press(line, f"✖️ {len(line.buttons) - 1}") == "Отменяю…"
    await talk.answer("Отменено.")
    await talk.press(line, "Обновить")
    await talk.say("/cancel")
    await talk.answer("Отменено.")
    for _ in range(6):
        await talk.picture()
    await talk.say("/queue")
    await talk.answer("нет картинок в работе")
    await talk.say("/cancel")
    await talk.answer("Отменять нечего.")


async def _bad_input(talk: Talk) -> None:
    await talk.kind("voice")
    await talk.answer("Голосовые я слушать не умею")
    await talk.kind("sticker")
    await talk.answer("Стикеры я менять не умею")
    await talk.files(("договор.docx", b"PK\3\4" + bytes(2000)), caption="сделай красиво")
    await talk.answer("Этот файл — не картинка")
    await talk.files(("IMG_2041.jpg", photo("cat")[:9000]), caption="поярче")
    await talk.answer("Файл повреждён")
    await talk.photos(photo("cat"), caption="убери лишних людей")
    await talk.answer("Так я не умею")
    await talk.photos(photo("cat"), caption="ярчее и сделай фон как в космосе")
    assert "Не понял: " in (await talk.picture("ярчее")).text
    sent = await talk.say("дом у реки")
    await talk.picture("дом у реки")
    await talk.edit(sent, "дом у реки, зима")
    await talk.answer("Правки в уже прочитанных")


async def _settings(talk: Talk) -> None:
    await talk.say("/settings")
    panel = await talk.answer("Ваши настройки")
    await talk.press(panel, "Формат")
    shapes = await talk.turned(panel)
    await talk.press(shapes, "16:9")
    panel = await talk.turned(panel)
    await talk.press(panel, "Присылать как")
    panel = await talk.turned(panel)
    shown = {button["text"] for button in panel.buttons}
    assert {"🖼 Формат: 16:9 ▸", "📎 Присылать как: файл"} <= shown
    await talk.say("кит в океане")
    whale = await talk.picture("кит в океане")
    assert whale.document_id
    await talk.say("кит в океане, сторис")
    tall = await talk.image(await talk.picture("кит в океане"))
    assert tall.height > tall.width
    await talk.say("/quiet")
    await talk.answer("о готовой картинке писать не буду")
    await talk.say("/limits")
    await talk.answer("Осталось запросов")


CONVERSATIONS = (
    Script("Первый раз", "ru", "Лена", _first_time),
    Script("Фото без слов", "ru", "Оля", _photo_without_words),
    Script("Правки ответами и назад", "ru", "Игорь", _replies_and_back),
    Script("Альбом без слов, одно фото опоздало", "ru", "Марина", _album_without_words),
    Script("Тёмное шумное фото", "ru", "Тимур", _dark_and_noisy),
    Script("Маленькое фото в 4 раза", "ru", "Вера", _four_times),
    Script("Открытка и постер", "ru", "Настя", _cards),
    Script("Очередь и отмена", "ru", "Паша", _queue_and_cancel),
    Script("Всё, что нельзя прочитать", "ru", "Галина", _bad_input),
    Script("Настройки", "ru", "Рита", _settings),
)
