"""Texts for admins, in English."""

ADMIN = {
    "command_stats": "How the bot is doing",
    "command_stuck": "What is stuck",
    "command_spend": "What pictures cost",
    "command_ban": "Ban somebody",
    "command_unban": "Lift a ban",
    "command_allow": "Invite a person or a group",
    "command_pause": "Take no new orders",
    "command_resume": "Take orders again",
    "command_broadcast": "Write to everybody",
    # /stats
    "stats_waiting": "📊 Waiting: {count}",
    "stats_waiting_oldest": "📊 Waiting: {count}, the first for {age}",
    "stats_running": "In progress: {count}; workers: {busy} of {wanted} busy",
    "stats_paused": "⏸ No new orders are taken: /resume",
    "stats_out": "⚠️ Takes no orders: {names}",
    "stats_stuck": "⚠️ Jobs with an unknown outcome: {count}. See /stuck",
    "stats_people": "Talking with the bot: {people}",
    "stats_today": "Today, {day}",
    "stats_today_none": "Today, {day}: nothing has ended yet",
    "stats_ok": "{count} ready",
    "stats_failed": "{count} failed",
    "stats_rejected": "{count} rejected",
    "stats_cancelled": "{count} cancelled",
    "stats_typical": "Usually takes: {times}",
    "stats_typical_s": "{title} {seconds} s",
    "stats_refused": "Over the limit in the last two hours: {people}",
    "stats_spent": "Spent: {spent}. In detail: /spend",
    "stats_spent_of": "Spent: {spent} of {ceiling}. In detail: /spend",
    "action_create": "create",
    "action_edit": "edit",
    "action_merge": "merge",
    "action_retouch": "retouch",
    "action_upscale": "upscale",
    "action_removebg": "background removal",
    "action_compare": "compare",
    # /stuck
    "stuck_none": "Nothing is stuck.",
    "stuck_title": "Stuck: {count}",
    "stuck_running": "{number}. {action}, {age} in progress: {standing}",
    "stuck_dead": "{number}. {action}, {age} ago: {standing}",
    "stuck_facts": "job {job}, person {user}, service {provider}",
    "stuck_submitting": "being ordered",
    "stuck_polling": "the service is still at it",
    "stuck_rendering": "the picture is being prepared",
    "stuck_delivering": "the picture is being sent",
    "stuck_submit_unknown": "it is unknown whether the service took the order",
    "stuck_exhausted": "the service never finished",
    "stuck_provider_lost": "the service does not hand the picture out",
    "stuck_provider_expired": "the service deleted the finished picture",
    "stuck_provider_gone": "the service is not set up any longer",
    "stuck_result_refused": "Telegram does not take the picture",
    "stuck_result_too_large": "the picture is too large for Telegram",
    "stuck_result_too_heavy": "the picture's file is too large to fetch",
    "stuck_result_missing": "the picture's file is gone from the bot's disk",
    "stuck_result_unusable": "the service's file can't be used; it is kept",
    "stuck_went_wrong": "something broke in the bot",
    "stuck_legend": (
        "🔁 asks the service for the picture once more and delivers it; nothing is ordered again.\n"
        "✖️ ends it and tells the person so."
    ),
    "stuck_asked": "Asking once more.",
    "stuck_no_receipt": (
        "The service never confirmed this order, so there is nothing to ask for. Ordering it "
        "again might be paying twice."
    ),
    "stuck_ended": "Ending it; I'll tell the person.",
    "stuck_gone": "This job is no longer in the list.",
    "stuck_too_late": "The picture is being sent already.",
    # /ban, /unban, /allow
    "ban_usage": (
        "Write /ban, the person's number and, if you like, the reason. Or reply “/ban” to a "
        "message of theirs."
    ),
    "ban_done": "🚫 The bot is closed to {user}. Open it again: /unban {user}",
    "ban_admin": "This is an administrator; the bot can't be closed to one.",
    "ban_person_only": "The bot can be closed to a person, and this is the number of a group.",
    "ban_empty": "Nobody is banned.",
    "ban_title": "Banned: {count}. The button with the number opens the bot again.",
    "ban_undone": "The bot is open to {user} again.",
    "ban_unknown": "The bot was not closed to {user}.",
    "unban_usage": "Write /unban and the person's number. The list is /ban.",
    "allow_open": (
        "The bot is open to everybody, so nobody needs an invitation. To let only invited people "
        "in, set IMGBOT_ALLOWED_USERS."
    ),
    "allow_done": "✅ {user} may use the bot now.",
    "allow_group_done": "✅ Everybody in the group {user} may use the bot there now.",
    "allow_already": "{user} is invited already.",
    "allow_empty": (
        "Nobody is invited beyond IMGBOT_ALLOWED_USERS. Write /allow and the number of a person "
        "or a group."
    ),
    "allow_title": (
        "Invited beyond IMGBOT_ALLOWED_USERS ({count}). The button with the number takes the "
        "invitation back."
    ),
    "undone": "Done.",
    "id_unreadable": (
        "“{words}” is not a number. Numbers have digits only; a group's begins with a minus."
    ),
    "id_nobodys": "{number} can't be the number of a person or a group.",
    # /pause, /resume
    "pause_done": (
        "⏸ No new orders; those under way are finished. You may still order. To take "
        "orders again: /resume\n\nPeople are told:"
    ),
    "resume_done": "▶️ Orders are taken again.",
    "resume_nothing": "Orders are being taken anyway.",
    # /broadcast
    "cast_usage": (
        "Write the text right after /broadcast, or reply “/broadcast” to the message that is to "
        "go out, with its picture and formatting as they are. First I show you how it will look."
    ),
    "cast_nobody": "There is nobody to send it to: apart from you, nobody has written to me yet.",
    "cast_uncopied": (
        "Telegram doesn't let me copy this message, so it can't go out. Text, photos, videos, "
        "files, voice messages and ordinary polls can; paid, protected and deleted messages, "
        "quizzes, invoices, giveaways and what Telegram itself writes into the chat cannot."
    ),
    "cast_preview": "☝️ This is how it will look. Send it to {people}?",
    "cast_busy": "A broadcast is being sent already. Wait for its end, or stop it.",
    "cast_stale": "This broadcast is no longer waiting. Start again: /broadcast",
    "cast_dropped": "Not sent.",
    "cast_begun": "Here we go.",
    "cast_stopping": "Stopping it.",
    "cast_running": "📣 Sending: {done} of {total}",
    "cast_sent": "📣 The broadcast is over. Received by {sent} of {total}",
    "cast_cancelled": "📣 The broadcast was stopped. Received by {sent} of {total}",
    "cast_blocked": "have blocked the bot: {count}",
    "cast_refused": "Telegram did not take it: {count}",
    "cast_skipped": "unsubscribed meanwhile: {count}",
    "cast_unknown": "the connection broke, so I can't tell: {count}. I won't send it to them again",
    "button_cast_go": "📣 Send it",
    "button_cast_drop": "Don't send",
    "button_cast_stop": "⏹ Stop",
    # notifications
    "alarm_key_refused": (
        "🔴 {provider} refuses its key. Orders go on as soon as the right one is set and imgbot "
        "is restarted."
    ),
    "alarm_no_credit": (
        "🔴 {provider} says that its credit is used up. Orders go on by themselves within ten "
        "minutes of a top-up."
    ),
    "alarm_provider_out": (
        "🔴 {provider} takes no orders, or does not answer. I keep trying. A stand-in for such "
        "times is IMGBOT_PROVIDER_FALLBACK."
    ),
    "alarm_provider_back": "🟢 {provider} takes orders again.",
    "alarm_job_dead": (
        "🔴 Job {job} at {provider} ended without a picture though it may have been paid for. "
        "Look into your account at {provider}. To deliver it or to end it: /stuck. If there are "
        "more like it, I won't write about each."
    ),
    "alarm_job_dead_over": (
        "🟢 No new jobs with an unknown outcome. Still in the list of /stuck: {count}"
    ),
    "incident_queue_jobs": (
        "🔴 {value} pictures wait, and over {bound} is too many: people are kept waiting.\n"
        "{helps} For a breather: /pause"
    ),
    "incident_queue_jobs_over": "🟢 The queue is fine again: {value} waiting.",
    "incident_job_time_s": (
        "🔴 Pictures take up to {value} s, and over {bound} s is too long.\n"
        "{helps} What takes longest: /stuck"
    ),
    "incident_job_time_s_over": "🟢 Pictures are quick again: up to {value} s.",
    "helps_disk": "The disk is full, so nothing is begun: free some of it (`imgbot doctor`).",
    "helps_cpu": (
        "All workers are busy, and so is the processor: what helps is a larger server, or an "
        "image service that makes the pictures elsewhere (IMGBOT_PROVIDER)."
    ),
    "helps_memory": (
        "All workers are busy, and there is no memory for more: what helps is a larger server, or "
        "a larger MemoryMax in the systemd unit."
    ),
    "helps_workers": (
        "All workers are busy. What helps: more of them, IMGBOT_WORKERS (now {workers})."
    ),
    "helps_provider_out": (
        "The image service is out. A stand-in for such times is IMGBOT_PROVIDER_FALLBACK."
    ),
    "helps_telegram": "Finished pictures wait for Telegram's own limits. It passes by itself.",
    "helps_provider_limit": (
        "The image service takes no more at once. What helps: a higher limit there, or another "
        "service (IMGBOT_PROVIDER)."
    ),
    "helps_jobs_per_worker": (
        "As many pictures are under way as may be. What helps: more at once, "
        "IMGBOT_JOBS_PER_WORKER; or a faster model, IMGBOT_MODELS."
    ),
    "helps_running_per_user": (
        "Only pictures of people wait who have as many under way as one person may: "
        "IMGBOT_RUNNING_PER_USER."
    ),
    "helps_budget": "Today's money is used up: IMGBOT_DAILY_BUDGET sets the ceiling.",
    "helps_none": (
        "Nothing on the server holds them back. If it lasts, a faster model helps: IMGBOT_MODELS."
    ),
    "incident_cpu_ratio": (
        "🟡 The processor is {value}% busy, and over {bound}% leaves no reserve.\n"
        "What helps: fewer workers, IMGBOT_WORKERS (now {workers}), one per core is plenty; or a "
        "server with more cores (CPUQuota, if it is set)."
    ),
    "incident_cpu_ratio_over": "🟢 The processor has a reserve again: {value}% busy.",
    "incident_memory_ratio": (
        "🟡 {value}% of the memory is used, and over {bound}% leaves no reserve: next, the system "
        "kills workers.\n"
        "What helps: a larger MemoryMax in the systemd unit, or fewer workers: IMGBOT_WORKERS "
        "(now {workers})."
    ),
    "incident_memory_ratio_over": "🟢 There is enough memory again: {value}% used.",
    "incident_error_ratio": (
        "🟡 {value}% of the pictures fail, and over {bound}% is too many.\n"
        "The reasons are in the log: journalctl -u imgbot -p warning. If it is the image "
        "service, IMGBOT_PROVIDER_FALLBACK helps."
    ),
    "incident_error_ratio_over": "🟢 Pictures succeed again: {value}% failed.",
    "incident_update_age_s": (
        "🔴 A message has waited for {value} s, and over {bound} s is too long.\n"
        "What it waits for is in the log: journalctl -u imgbot -p warning. If Telegram makes "
        "a chat wait that asks for too much, IMGBOT_RATE_LIMIT_MAX_REQUESTS helps."
    ),
    "incident_update_age_s_over": "🟢 Messages are answered again: the oldest waits {value} s.",
    "incident_budget": (
        "🔴 Today's money is used up: {spent} of {ceiling} is spent or reserved. No paid pictures "
        "until a new day begins in {wait}. IMGBOT_DAILY_BUDGET sets the ceiling."
    ),
    "incident_budget_over": "🟢 Paid pictures are made again: {spent} of {ceiling} is taken.",
    "incident_polling": (
        "🔴 Telegram has handed over no messages for {minutes} min. If the network is fine, see "
        "whether a second bot runs on the same token, and IMGBOT_TELEGRAM_API."
    ),
    "incident_polling_over": (
        "🟢 Messages come in from Telegram again. What people wrote meanwhile is not lost."
    ),
    "incident_rival_poller": (
        "🔴 A second program polls with this bot's token and takes messages away: people write "
        "and get no answer. Stop the other one. If you do not know of any, the token has leaked: "
        "@BotFather, /revoke, then `sudo imgbot install --token-file FILE`."
    ),
    "incident_rival_webhook": (
        "🔴 A webhook is set for this bot and takes all its messages: people write and get no "
        "answer. `sudo imgbot doctor --fix` deletes it, and so does a restart. If you did not set "
        "it, the token has leaked: @BotFather, /revoke."
    ),
    "incident_rival_over": "🟢 Nobody takes messages away from this bot any longer.",
    "incident_redis_full": (
        "🔴 The memory of Redis is full: {used} of {limit} MB. Until it has room, orders are "
        "refused, or soon will be.\n"
        "What helps: a larger maxmemory (imgbot doctor prints the command), or fewer orders that "
        "wait, IMGBOT_QUEUE_LIMIT."
    ),
    "incident_redis_full_over": "🟢 Redis has room again: {used} of {limit} MB. Orders are taken.",
    "incident_redis_was_away": (
        "🟢 Redis did not answer for {wait} and is back. Nothing is lost. Should it happen again: "
        "journalctl -u imgbot, and for a Redis of your own IMGBOT_REDIS_URL."
    ),
}  # fmt: skip
