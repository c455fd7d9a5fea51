"""Texts for admins, in Russian."""

ADMIN = {
    "command_stats": "Как дела у бота",
    "command_stuck": "Что застряло",
    "command_spend": "Сколько стоили картинки",
    "command_ban": "Закрыть бота для человека",
    "command_unban": "Снова открыть",
    "command_allow": "Пригласить человека или группу",
    "command_pause": "Не принимать новые заказы",
    "command_resume": "Снова принимать заказы",
    "command_broadcast": "Написать всем",
    # /stats
    "stats_waiting": "📊 В очереди: {count}",
    "stats_waiting_oldest": "📊 В очереди: {count}, первый ждёт {age}",
    "stats_running": "В работе: {count}; работники: занято {busy} из {wanted}",
    "stats_paused": "⏸ Новые заказы не принимаются: /resume",
    "stats_out": "⚠️ Не принимает заказы: {names}",
    "stats_stuck": "⚠️ Заданий с неясным исходом: {count}. Посмотреть: /stuck",
    "stats_people": "Пишут боту: {people}",
    "stats_today": "Сегодня, {day}",
    "stats_today_none": "Сегодня, {day}: ещё ничего не закончено",
    "stats_ok": "готово {count}",
    "stats_failed": "не вышло {count}",
    "stats_rejected": "отклонено {count}",
    "stats_cancelled": "отменено {count}",
    "stats_typical": "Обычно занимает: {times}",
    "stats_typical_s": "{title} {seconds} с",
    "stats_refused": "Превышали лимит за последние два часа: {people}",
    "stats_spent": "Потрачено: {spent}. Подробно: /spend",
    "stats_spent_of": "Потрачено: {spent} из {ceiling}. Подробно: /spend",
    "action_create": "создание",
    "action_edit": "правка",
    "action_merge": "объединение",
    "action_retouch": "улучшение",
    "action_upscale": "увеличение",
    "action_removebg": "удаление фона",
    "action_compare": "сравнение",
    # /stuck
    "stuck_none": "Ничего не застряло.",
    "stuck_title": "Застряло: {count}",
    "stuck_running": "{number}. {action}, в работе {age}: {standing}",
    "stuck_dead": "{number}. {action}, {age} назад: {standing}",
    "stuck_facts": "задание {job}, человек {user}, сервис {provider}",
    "stuck_submitting": "заказ оформляется",
    "stuck_polling": "сервис ещё рисует",
    "stuck_rendering": "картинка обрабатывается",
    "stuck_delivering": "картинка отправляется",
    "stuck_submit_unknown": "неизвестно, принял ли сервис заказ",
    "stuck_exhausted": "сервис так и не закончил",
    "stuck_provider_lost": "сервис не отдаёт картинку",
    "stuck_provider_expired": "сервис удалил готовую картинку",
    "stuck_provider_gone": "сервис больше не подключён",
    "stuck_result_refused": "Telegram не принимает картинку",
    "stuck_result_too_large": "картинка слишком большая для Telegram",
    "stuck_result_too_heavy": "файл картинки слишком велик, его не забрать",
    "stuck_result_missing": "файла картинки больше нет на диске бота",
    "stuck_result_unusable": "файл сервиса не подходит; он сохранён",
    "stuck_went_wrong": "сбой в боте",
    "stuck_legend": (
        "🔁 — ещё раз спросить сервис о картинке и доставить её; нового заказа не будет.\n"
        "✖️ — закончить и сказать об этом человеку."
    ),
    "stuck_asked": "Спрашиваю ещё раз.",
    "stuck_no_receipt": (
        "Сервис не подтвердил этот заказ, спрашивать не о чем. А заказать снова — значит, "
        "возможно, заплатить дважды."
    ),
    "stuck_ended": "Заканчиваю; человеку об этом скажу.",
    "stuck_gone": "Этого задания в списке уже нет.",
    "stuck_too_late": "Картинка уже отправляется.",
    # /ban, /unban, /allow
    "ban_usage": (
        "Напишите /ban, номер человека и, если хотите, причину. Или ответьте «/ban» на его "
        "сообщение."
    ),
    "ban_done": "🚫 Бот закрыт для {user}. Открыть снова: /unban {user}",
    "ban_admin": "Это администратор: для него бота закрыть нельзя.",
    "ban_person_only": "Закрыть бота можно для человека, а это номер группы.",
    "ban_empty": "Бот ни для кого не закрыт.",
    "ban_title": "Кому закрыт бот: {count}. Кнопка с номером открывает снова.",
    "ban_undone": "Бот снова открыт для {user}.",
    "ban_unknown": "Для {user} бот и не был закрыт.",
    "unban_usage": "Напишите /unban и номер человека. Список — /ban.",
    "allow_open": (
        "Бот открыт для всех, приглашать никого не нужно. Чтобы пускать только приглашённых, "
        "задайте IMGBOT_ALLOWED_USERS."
    ),
    "allow_done": "✅ {user} теперь может пользоваться ботом.",
    "allow_group_done": "✅ Теперь ботом могут пользоваться все в группе {user}.",
    "allow_already": "{user} уже в списке приглашённых.",
    "allow_empty": (
        "Сверх IMGBOT_ALLOWED_USERS никто не приглашён. Напишите /allow и номер человека или "
        "группы."
    ),
    "allow_title": (
        "Приглашены сверх IMGBOT_ALLOWED_USERS ({count}). Кнопка с номером отменяет приглашение."
    ),
    "undone": "Готово.",
    "id_unreadable": (
        "«{words}» — не номер. Номер состоит из цифр, у группы он начинается с минуса."
    ),
    "id_nobodys": "{number} не может быть номером человека или группы.",
    # /pause, /resume
    "pause_done": (
        "⏸ Новые заказы не принимаю, начатые доделываю; вы заказывать можете. Снова "
        "принимать: /resume\n\nЛюдям отвечаю так:"
    ),
    "resume_done": "▶️ Заказы снова принимаются.",
    "resume_nothing": "Заказы и так принимаются.",
    # /broadcast
    "cast_usage": (
        "Напишите текст сразу после /broadcast или ответьте «/broadcast» на сообщение, которое "
        "нужно разослать: с картинкой и оформлением, как есть. Сначала покажу, как это будет "
        "выглядеть."
    ),
    "cast_nobody": "Отправлять некому: кроме вас, мне ещё никто не писал.",
    "cast_uncopied": (
        "Telegram не даёт скопировать это сообщение, поэтому разослать его нельзя. Можно: текст, "
        "фото, видео, файлы, голосовые и обычные опросы. Нельзя: платное, защищённое и удалённое, "
        "викторины, счета, розыгрыши и то, что в чате пишет сам Telegram."
    ),
    "cast_preview": "☝️ Так это увидят. Отправить {people}?",
    "cast_busy": "Одна рассылка уже идёт. Дождитесь её конца или остановите её.",
    "cast_stale": "Эта рассылка уже не ждёт. Начните заново: /broadcast",
    "cast_dropped": "Не отправлено.",
    "cast_begun": "Начинаю.",
    "cast_stopping": "Останавливаю.",
    "cast_running": "📣 Отправляю: {done} из {total}",
    "cast_sent": "📣 Рассылка закончена. Получили: {sent} из {total}",
    "cast_cancelled": "📣 Рассылка остановлена. Получили: {sent} из {total}",
    "cast_blocked": "заблокировали бота: {count}",
    "cast_refused": "Telegram не принял: {count}",
    "cast_skipped": "отписались, пока шла рассылка: {count}",
    "cast_unknown": "связь прервалась, и неизвестно, дошло ли: {count}. Второй раз не отправляю",
    "button_cast_go": "📣 Отправить",
    "button_cast_drop": "Не отправлять",
    "button_cast_stop": "⏹ Остановить",
    # notifications
    "alarm_key_refused": (
        "🔴 {provider} не принимает ключ. Заказы пойдут дальше, как только будет указан верный "
        "ключ и imgbot перезапущен."
    ),
    "alarm_no_credit": (
        "🔴 {provider} сообщает, что на счёте кончились средства. Заказы пойдут сами не позже "
        "чем через десять минут после пополнения."
    ),
    "alarm_provider_out": (
        "🔴 {provider} не принимает заказы или не отвечает. Я пробую снова сам. Запасной сервис "
        "на такой случай — IMGBOT_PROVIDER_FALLBACK."
    ),
    "alarm_provider_back": "🟢 {provider} снова принимает заказы.",
    "alarm_job_dead": (
        "🔴 Задание {job} у {provider} кончилось без картинки, хотя могло быть оплачено. "
        "Загляните в личный кабинет {provider}. Доставить или закончить: /stuck. О следующих "
        "таких, если они будут, отдельно писать не буду."
    ),
    "alarm_job_dead_over": (
        "🟢 Новых заданий с неясным исходом больше нет. Осталось в списке /stuck: {count}"
    ),
    "incident_queue_jobs": (
        "🔴 В очереди {value}, а больше {bound} — уже слишком много: людям приходится ждать.\n"
        "{helps} Передышка: /pause"
    ),
    "incident_queue_jobs_over": "🟢 Очередь снова в порядке: {value}.",
    "incident_job_time_s": (
        "🔴 Картинки делаются до {value} с, а больше {bound} с — уже слишком долго.\n"
        "{helps} Что стоит дольше всего: /stuck"
    ),
    "incident_job_time_s_over": "🟢 Картинки снова делаются быстро: до {value} с.",
    "helps_disk": (
        "Диск полон, поэтому новое не начинается: освободите место (`imgbot doctor`)."
    ),
    "helps_cpu": (
        "Все работники заняты, и процессор тоже: поможет сервер побольше или сервис, который "
        "делает картинки у себя (IMGBOT_PROVIDER)."
    ),
    "helps_memory": (
        "Все работники заняты, а памяти на новых нет: поможет сервер побольше или больше "
        "MemoryMax в юните systemd."
    ),
    "helps_workers": (
        "Все работники заняты. Что поможет: больше работников — IMGBOT_WORKERS (сейчас {workers})."
    ),
    "helps_provider_out": (
        "Сервис картинок не работает. Запасной сервис на такой случай — IMGBOT_PROVIDER_FALLBACK."
    ),
    "helps_telegram": (
        "Готовые картинки ждут из-за ограничений самого Telegram. Это пройдёт само."
    ),
    "helps_provider_limit": (
        "Сервис картинок не принимает больше заказов разом. Поможет лимит побольше или другой "
        "сервис (IMGBOT_PROVIDER)."
    ),
    "helps_jobs_per_worker": (
        "В работе столько картинок, сколько разрешено. Поможет больше одновременных — "
        "IMGBOT_JOBS_PER_WORKER или модель побыстрее — IMGBOT_MODELS."
    ),
    "helps_running_per_user": (
        "Ждут только картинки людей, у которых уже в работе столько, сколько разрешено одному: "
        "IMGBOT_RUNNING_PER_USER."
    ),
    "helps_budget": "Деньги на сегодня кончились: предел задаёт IMGBOT_DAILY_BUDGET.",
    "helps_none": (
        "На сервере их ничто не держит. Если не пройдёт, поможет модель побыстрее: IMGBOT_MODELS."
    ),
    "incident_cpu_ratio": (
        "🟡 Процессор занят на {value} %, а больше {bound} % — уже без запаса.\n"
        "Что поможет: меньше работников — IMGBOT_WORKERS (сейчас {workers}), по одному на "
        "ядро хватит; или сервер с большим числом ядер (CPUQuota, если он задан)."
    ),
    "incident_cpu_ratio_over": "🟢 Процессор снова с запасом: занят на {value} %.",
    "incident_memory_ratio": (
        "🟡 Занято {value} % памяти, а больше {bound} % — уже без запаса: дальше система станет "
        "завершать рабочие процессы.\n"
        "Что поможет: больше MemoryMax в юните systemd или меньше работников — IMGBOT_WORKERS "
        "(сейчас {workers})."
    ),
    "incident_memory_ratio_over": "🟢 Памяти снова хватает: занято {value} %.",
    "incident_error_ratio": (
        "🟡 Не выходит {value} % картинок, а больше {bound} % — уже много.\n"
        "Причины — в журнале: journalctl -u imgbot -p warning. Если дело в сервисе картинок, "
        "поможет IMGBOT_PROVIDER_FALLBACK."
    ),
    "incident_error_ratio_over": "🟢 Картинки снова выходят: не вышло {value} %.",
    "incident_update_age_s": (
        "🔴 Одно из сообщений ждёт уже {value} с, а больше {bound} с — слишком долго.\n"
        "Чего оно ждёт — в журнале: journalctl -u imgbot -p warning. Если Telegram заставляет "
        "ждать чат, где просят слишком много, поможет IMGBOT_RATE_LIMIT_MAX_REQUESTS."
    ),
    "incident_update_age_s_over": "🟢 На сообщения снова есть ответы: самое старое ждёт {value} с.",
    "incident_budget": (
        "🔴 Деньги на сегодня кончились: потрачено или отложено {spent} из {ceiling}. Платных "
        "картинок не будет до нового дня, он начнётся через {wait}. Предел задаёт "
        "IMGBOT_DAILY_BUDGET."
    ),
    "incident_budget_over": "🟢 Платные картинки снова делаются: занято {spent} из {ceiling}.",
    "incident_polling": (
        "🔴 Telegram уже {minutes} мин не отдаёт новые сообщения. Если сеть на месте, проверьте, "
        "не запущен ли второй бот с тем же токеном, и IMGBOT_TELEGRAM_API."
    ),
    "incident_polling_over": (
        "🟢 Сообщения из Telegram снова приходят. Что люди написали тем временем, не потеряно."
    ),
    "incident_rival_poller": (
        "🔴 С токеном этого бота работает ещё одна программа и забирает сообщения: люди пишут и "
        "не получают ответа. Остановите её. Если вы о такой не знаете, токен утёк: @BotFather, "
        "/revoke, затем `sudo imgbot install --token-file FILE`."
    ),
    "incident_rival_webhook": (
        "🔴 У бота включён вебхук, и все сообщения уходят туда: люди пишут и не получают ответа. "
        "`sudo imgbot doctor --fix` его удалит, перезапуск тоже. Если включали не вы, токен "
        "утёк: @BotFather, /revoke."
    ),
    "incident_rival_over": "🟢 Больше никто не забирает сообщения у этого бота.",
    "incident_redis_full": (
        "🔴 У Redis кончилась память: занято {used} из {limit} МБ. Пока не освободится место, "
        "новых заказов я не принимаю или вот-вот перестану.\n"
        "Что поможет: больше maxmemory (команду покажет imgbot doctor) или меньше ожидающих "
        "заказов, IMGBOT_QUEUE_LIMIT."
    ),
    "incident_redis_full_over": (
        "🟢 У Redis снова есть место: занято {used} из {limit} МБ. Заказы принимаются."
    ),
    "incident_redis_was_away": (
        "🟢 Redis не отвечал {wait} и снова на месте. Ничего не потеряно. Если это повторится: "
        "journalctl -u imgbot, а для своего Redis — IMGBOT_REDIS_URL."
    ),
}  # fmt: skip
