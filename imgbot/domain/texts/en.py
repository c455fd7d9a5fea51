"""English sentences."""

SECONDS = ("second", "seconds", "seconds")
MINUTES = ("minute", "minutes", "minutes")
HOURS = ("hour", "hours", "hours")
DAYS = ("day", "days", "days")
PEOPLE = ("user", "users", "users")

TEXTS = {
    # start and help
    "start": (
        "Hi! I make pictures.\n\nTell me what to draw, or send a photo. Or start with a button:"
    ),
    "help": (
        "I make pictures. Write what to draw, or send a photo and say what to change.\n\n"
        "What would you like to know more about?"
    ),
    "help_create": (
        "🎨 Just write what to draw, for example:\n"
        "“a fox in a red scarf reading a newspaper, watercolour”\n\n"
        "Add “16:9”, “square” or “3 variants” if you like."
    ),
    "help_create_engine": (
        "🎨 Just write what to draw, for example:\n"
        "“a fox in an autumn forest, watercolour”\n\n"
        "Add “16:9”, “square” or “3 variants” if you like."
    ),
    "help_edit": (
        "✏️ Send a photo and write under it what to change, for example:\n"
        "“put a straw hat on the cat”\n\n"
        "To change a picture that is already in the chat, reply to it."
    ),
    "help_edit_engine": (
        "✏️ Send a photo and write under it what to change, for example:\n"
        "“warmer, vintage”\n\n"
        "To change a picture that is already in the chat, reply to it."
    ),
    "help_merge": (
        "🧩 Send an album of 2 to 10 photos and write under it how to combine them, for example:\n"
        "“put the cat from photo 1 on the sofa in photo 2”"
    ),
    "help_merge_engine": (
        "🧩 Send an album of 2 to 10 photos and write under it how to combine them:\n"
        "“collage”, “side by side” or “put 1 into 2”"
    ),
    "help_retouch": (
        "✨ Send a photo and write /retouch under it. I remove noise and fix light, colour and "
        "sharpness."
    ),
    "help_upscale": "🔍 Send a photo and write /upscale under it. I make it 2 or 4 times larger.",
    "help_removebg": (
        "✂️ Send a photo and write /removebg under it. You get a PNG with a transparent background."
    ),
    "help_engine": (
        "📖 Pictures are made by the built-in engine. It works by rules, without a neural network. "
        "When editing, it understands:\n\n{vocabulary}"
    ),
    "help_pictures": (
        "🖼 The buttons under a picture make another one, change it, enlarge it or send it as a "
        "file.\n\n"
        "/last and /history: your pictures once more, for free\n"
        "/undo: one step back\n"
        "/compare: before and after\n"
        "/queue: what is being made now\n"
        "/cancel: stop it\n\n"
        "I take photos of up to {limit_mb} MB. To keep their full quality, send them as files."
    ),
    "help_account": (
        "⚙️ /settings: language, shape, number of variants, photo or file\n"
        "/limits: how much you have left\n"
        "/quiet: turn the “ready” message on or off\n"
        "/privacy: what I keep about you"
    ),
    "help_groups": (
        "👥 In a group I answer commands, such as “/create a fox”, and replies to my messages."
    ),
    "help_groups_mentions": (
        "👥 In a group I answer commands, such as “/create a fox”, mentions, such as "
        "“@{name} a fox”, and replies to my messages."
    ),
    "help_in_group": (
        "Here I answer commands and replies to me. More: https://t.me/{name}?start=help"
    ),
    "help_in_group_mentions": (
        "Here I answer commands, mentions and replies to me. More: https://t.me/{name}?start=help"
    ),
    "engine_hint": (
        "ℹ️ A note for you as the administrator, shown only once: this picture was made by the "
        "built-in engine, by rules and without a neural network. To connect an AI service, run "
        "on the server:\n"
        "sudo imgbot install --provider replicate"
    ),
    # the menu
    "button_create": "🎨 Create a picture",
    "button_edit": "✏️ Edit",
    "button_merge": "🧩 Merge",
    "button_retouch": "✨ Retouch",
    "button_upscale": "🔍 Upscale",
    "button_removebg": "✂️ Cut out",
    "button_cancel": "Cancel",
    "button_merge_now": "🧩 Merge",
    "button_again": "🔁 Again",
    "button_file": "📄 As a file",
    "button_compare": "↔️ Compare",
    "button_undo": "↩️ Undo",
    "button_new_picture": "🎨 New picture",
    "button_change_this": "✏️ Change this one",
    "button_engine": "📖 Vocabulary",
    "button_pictures": "🖼 Pictures",
    "button_account": "⚙️ Settings",
    "button_groups": "👥 Groups",
    "button_back": "‹ Back",
    "button_refresh": "🔄 Refresh",
    "command_create": "Create a picture from words",
    "command_edit": "Edit a photo",
    "command_merge": "Merge several photos",
    "command_retouch": "Retouch a photo",
    "command_upscale": "Make a photo 2 or 4 times larger",
    "command_removebg": "Remove the background of a photo",
    "command_undo": "Go one step back",
    "command_compare": "Before and after, side by side",
    "command_last": "Show your latest picture again",
    "command_history": "Your latest pictures",
    "command_queue": "Pictures in progress",
    "command_limits": "How many requests are left",
    "command_settings": "Language, shape, variants, photo or file",
    "command_quiet": "Turn “ready” messages on or off",
    "command_cancel": "Cancel",
    "command_help": "What I can do",
    "about": (
        "I make pictures: create from words, edit, merge, retouch, upscale and cut out photos."
    ),
    "description": (
        "Tell me what to draw, or send a photo. I create, edit, merge, retouch and upscale "
        "pictures, and remove backgrounds."
    ),
    # the dialogue
    "ask_create": "What should I draw? Tell me in words.",
    "ask_edit_photo": "Send the photo you want to edit.",
    "ask_edit_words": (
        "What should I do with it? For example: “warmer and a little brighter”, “black and white”, "
        "“rotate right”."
    ),
    "ask_merge_photos": "Send 2 to 10 photos, one by one or as an album.",
    "merge_count_one": "Got the first photo. Send at least one more.",
    "merge_count": (
        "{count} photos, numbered in the order you sent them. Tell me how to combine them "
        "(“side by side”, “put 1 into 2”), add more, or press the button."
    ),
    "merge_full": "I can merge up to {limit} photos at once. Press “Merge”.",
    "merge_too_few": "I need at least two photos to merge. Send one more.",
    "merge_cut": "I can merge up to {limit} photos at once, so I'm taking the first {limit}.",
    "album_command": (
        "This works with one photo at a time. Send the photo on its own with this command; an "
        "album can only be merged."
    ),
    "ask_retouch_photo": "Send a photo. I'll remove noise and fix light, colour and sharpness.",
    "ask_upscale_photo": "Send the picture you want to enlarge.",
    "ask_removebg_photo": "Send a photo. I'll remove its background.",
    "ask_scale": "How many times larger?",
    "ask_photo_action": "What should I do with this photo? Press a button, or just tell me.",
    "ask_meaning": "Is this a new picture, or a change to the one you have?",
    "nothing_to_change": (
        "There is no picture to change yet. Send one, or reply to one with these words. Or is "
        "this a new picture?"
    ),
    "words_gone": "I can't find your message. Please write it again.",
    "again_nothing": "There is nothing to repeat yet. Tell me what to draw!",
    "again_same": "The result would be exactly the same. Tell me what should be different.",
    "complaint": (
        "Sorry it isn't what you wanted. I can make another one, change this one if you tell me "
        "how, or go one step back."
    ),
    "complaint_nothing": "Sorry about that! Tell me what to draw.",
    "answer_price": "It's free for you. To keep it available for everyone, there are limits:",
    "answer_privacy": (
        "What I store, where and for how long: /privacy. To delete everything I know about "
        "you: /forget_me"
    ),
    "answer_engine": (
        "The pictures are made by a built-in engine that paints by rules, without a neural network."
    ),
    "answer_provider": (
        "I'm a bot, and a neural network makes the pictures. The service is {makers}."
    ),
    "send_photo_please": "I need a photo here. Send one, or /cancel.",
    "choose_scale_please": "Press ×2 or ×4, or /cancel.",
    # job status
    "job_waiting": "⏳ Got it. Your place in line: {place}.",
    "job_working": "🎨 Working…",
    "job_working_usually": "🎨 Working… this usually takes about {usually}.",
    "job_progress": "🎨 Working… {percent}%",
    "job_slow": (
        "🎨 This is taking longer than usual, but I'm still working on it. You won't be charged "
        "twice. The picture will appear here as soon as it's ready."
    ),
    "job_ready": "Ready, sending it…",
    "ready": "✅ Ready!",
    "ready_without": "This one didn't work out. The message above says why.",
    "cancelled": "Cancelled.",
    "cancelling": "Cancelling…",
    "cancel_nothing": "There is nothing to cancel.",
    "cancel_dialogue": "OK, cancelled. What's next?",
    "cancel_too_late": "It's almost ready and will be here in a moment.",
    "cancel_over": (
        "This picture is no longer in progress. If this message still says it is, you can delete "
        "the message."
    ),
    "not_your_button": "This button is for the person who asked for the picture.",
    "stale_button": "This button no longer works. Start again: /start",
    "unknown_button": "This button doesn't work. Start again: /start",
    "tapped_already": "Already on it.",
    "accepted_short": "Got it.",
    "slow_down": "One moment, not so fast.",
    # active jobs, results, settings
    "queue_empty": "You have no pictures in progress. Tell me what to draw!",
    "queue_title": "Your pictures in progress: {count}",
    "queue_place": "place in line: {place}",
    "queue_working": "in progress",
    "queue_cancelling": "being cancelled",
    "queue_more": "…and {count} more",
    "title_create": "picture",
    "title_edit": "edit",
    "title_merge": "merge",
    "title_retouch": "retouch",
    "title_upscale": "upscale",
    "title_removebg": "cut-out",
    "title_compare": "comparison",
    "limits": (
        "Requests left: {remaining} of {limit} (per {window}).\n"
        "Waiting in line: {waiting} of {waiting_limit}.\n"
        "In progress at the same time: up to {running_limit}."
    ),
    "limits_again": "You'll have all {limit} again in {wait}.",
    "limits_money": "Budget left for today: {left} of {limit}. It renews in {wait}.",
    "limits_budget": "The bot's budget for today is used up. It renews in {wait}.",
    "spend": (
        "💵 Today, {day}: {total}\n"
        "Of that, reserved for pictures in progress: {reserved}\n"
        "Daily budget: {ceiling} in total, {own} per user. It renews in {wait}"
    ),
    "spend_no_ceiling": "none",
    "spend_raised": "{ceiling} (raised for today, otherwise {usual})",
    "spend_people": "Top users today, by ID:",
    "spend_days": "The last {count} days: {total}",
    "quiet_on": (
        "OK, I won't send a separate message when a picture is ready. To turn it back on: /quiet"
    ),
    "quiet_off": (
        "If a picture takes a while, I'll send a message when it's ready. To turn this off: /quiet"
    ),
    "history_empty": "You have no pictures yet. Tell me what to draw!",
    "undo_nothing": "There is nothing to undo: this picture hasn't been changed.",
    "undo_original": "This is your original picture. Reply to it with words to edit it.",
    "compare_nothing": "There is nothing to compare: this picture wasn't made from another one.",
    "original_caption": "The picture as a file, uncompressed",
    "original_slow": (
        "Telegram is taking too long to accept the file. If it isn't here in a minute, press again."
    ),
    "original_gone": (
        "I no longer have the uncompressed file. Please save the picture from the chat."
    ),
    "inline_button": "Create a new picture",
    "choice_any": "any",
    "choice_photo": "photos",
    "choice_file": "files",
    "choice_on": "on",
    "choice_off": "off",
    "setting_language": "🌐 Language: {value}",
    "setting_ratio": "🖼 Shape: {value}",
    "setting_variants": "🔢 Variants: {value}",
    "setting_file": "📎 Send as: {value}",
    "setting_quiet": "🔔 “Ready” message: {value}",
    "setting_news": "📣 News: {value}",
    "settings_ratio": "Which shape should new pictures have?",
    "settings_variants": "How many variants should I make at once?",
    "button_news_off": "🔕 Unsubscribe",
    "news_off": "OK, no more news. You can turn it back on in /settings.",
    "settings": (
        "Your settings. What you write in a request comes first: “a fox, 16:9, 2 variants”."
    ),
    # captions
    "caption_create": "{words}",
    "caption_edit": "✏️ {words}",
    "caption_merge": "🧩 Photos merged: {count}",
    "caption_retouch": "✨ Retouched",
    "caption_retouch_nothing": "✨ This photo is fine as it is: nothing needed fixing",
    "caption_upscale": "🔍 Enlarged ×{scale}",
    "caption_upscale_less": "🔍 Enlarged ×{scale}, the maximum for this picture",
    "caption_removebg": "✂️ Background removed",
    "caption_removebg_unclear": (
        "✂️ Nothing stands out clearly from the background, so I had to guess. A photo with a "
        "plainer background will work better."
    ),
    "removebg_note": "Shown on white. For the PNG with transparency, press “📄 As a file”.",
    "caption_compare": "Before and after",
    "caption_ignored": "Ignored: {flags}",
    "caption_did": "Done: {did}",
    "caption_drawn": "Drawn: {words}",
    "caption_roughly": "Roughly: {words}",
    "caption_undrawn": "Not drawn: {words}",
    "caption_unknown": "I didn't understand: {words}",
    "caption_unknown_nearest": "I didn't understand: {words}. Did you mean: {nearest}?",
    # errors
    "rate_limited": (
        "⏳ Too many requests. Wait {wait} and try again.\nAttempts left: {remaining}"
    ),
    "too_fast": (
        "You're writing faster than I can read, so I missed some messages. Wait a moment and send "
        "them again."
    ),
    "queue_full": "The bot is very busy right now. Try again in a couple of minutes.",
    "too_many_waiting": (
        "You already have {count} in line. Wait for one of them, or cancel one: /cancel"
    ),
    "budget_used_up": (
        "The bot's budget for today is used up. Nothing was charged. Please send it again in "
        "{wait}, when the budget renews."
    ),
    "user_budget_used_up": (
        "Your budget for today isn't enough for this picture. Nothing was charged. Your budget "
        "renews in {wait}. See /limits"
    ),
    "storage_full": "I'm out of memory and can't take new requests right now. Try again later.",
    "paused": "The bot is down for maintenance. Try again in a few minutes.",
    "paused_words": "The bot is down for maintenance: {words}",
    "banned": "The bot's owner has blocked you.",
    "anonymous": (
        "You're writing as a group or a channel, so I can't tell who you are. Switch to your own "
        "account and send it again."
    ),
    "edited_message": (
        "I can't see edits to messages I've already read. If you want it changed, send it as a new "
        "message."
    ),
    "not_allowed": "This bot is by invitation only. Your ID: {user_id}",
    "variants_fewer": (
        "Making {taken} of {count} variants. The rest don't fit into your limits right now: /limits"
    ),
    "variants_most": "I can make up to {limit} at once, so I'm making {limit}.",
    "pleasantry": "Glad to help! Tell me what to draw, or reply to a picture to change it.",
    "unknown_command": "I don't know this command. See /help for everything I can do.",
    "question_expired": (
        "I asked more than {minutes} minutes ago and no longer know which photo you mean. Send the "
        "photo again with these words, or press the button for a new picture."
    ),
    "words_empty": "Tell me in words what to draw. For example: “a fox in an autumn forest”.",
    "words_too_long": (
        "This text is too long: {count} characters, and the limit is {limit}. Please shorten it."
    ),
    "cannot_read_kind": "I can't read that. Send a photo, or tell me in words what to draw.",
    "cannot_read_animation": (
        "I only make still pictures and can't edit a GIF. Send one frame of it as a photo."
    ),
    "cannot_read_audio": (
        "I can't listen to music. Tell me in words what to draw — a cover for this song, maybe?"
    ),
    "cannot_read_contact": "A contact doesn't tell me what to draw. Say it in words, please.",
    "cannot_read_game": "I can't play games, I only make pictures. What should I draw?",
    "cannot_read_place": (
        "A map doesn't show me what a place looks like. Describe it in words, and I'll draw it."
    ),
    "cannot_read_poll": "I don't vote in polls. Tell me in words what to draw.",
    "cannot_read_sticker": (
        "I can't work with stickers. Send a photo, or tell me in words what to draw."
    ),
    "cannot_read_story": "I can't open stories. Take a screenshot and send it as a photo.",
    "cannot_read_video": (
        "I can't edit videos. Take a screenshot of the right moment and send it as a photo."
    ),
    "cannot_read_video_note": (
        "I can't watch video messages. Send a photo, or tell me in words what to draw."
    ),
    "cannot_read_voice": "I can't listen to voice messages. Please write it in words.",
    "file_not_picture": (
        "This file is not a picture. I can open JPEG, PNG, WebP, GIF, AVIF, TIFF and BMP."
    ),
    "picture_too_large": "This file is too big: I can open files up to {limit_mb} MB.",
    "picture_not_a_picture": (
        "This file is named like a picture, but isn't one. I can open JPEG, PNG, WebP, GIF, AVIF, "
        "TIFF and BMP."
    ),
    "picture_truncated": "The file is damaged or incomplete. Please send it again.",
    "picture_too_many_pixels": (
        "This picture is too large: {megapixels:g} MP, and the limit is {limit_megapixels:g} MP. "
        "Make it smaller and send it again."
    ),
    "picture_too_long": (
        "This picture is too long: one side is {side_px} px, and the limit is {limit_px} px. Crop "
        "it and send it again."
    ),
    "picture_too_small": "This picture is too small. Please send a larger one.",
    "picture_gone": "Telegram no longer has this photo. Please send it again.",
    "picture_heic": "This bot can't open HEIC photos. Send it as a regular photo, or as a JPEG.",
    "edit_words_unknown": (
        "I don't know how to do this: “{words}”. Try, for example: {nearest}. See /help for "
        "everything I can do."
    ),
    "merge_needs_two": "I need at least two photos to merge.",
    "upscale_large_already": "This picture is already at the maximum size.",
    "upscale_too_large": (
        "I can't enlarge this picture: the result would be {megapixels:g} MP, and the limit is "
        "{limit_megapixels:g} MP. Try ×2 or a smaller picture."
    ),
    "ask_by_name": "{name}, this is for you:\n{question}",
    # Final messages of jobs: the reason, and the cost.
    "provider_closed": "I can't make pictures right now. Please try again later.",
    "provider_busy": "The image service is overloaded. Please try again in a few minutes.",
    "provider_down": "The image service isn't responding. Please try again later.",
    "provider_invalid": "The image service rejected this request. Please try different words.",
    "provider_unsuitable": (
        "The image service can't work with this picture. Please try another one or a smaller copy."
    ),
    "provider_moderated": (
        "The image service refused: this request breaks its rules. Please change the words or "
        "the picture."
    ),
    "provider_failed": "The image service failed. Please try again.",
    "provider_expired": (
        "The picture was made, but the service deleted it before I could download it. I won't "
        "request it again, so that it isn't paid for twice. The bot's owner will be told."
    ),
    "provider_gone": (
        "This picture was requested from a service that is no longer connected, so I can't get "
        "it. The bot's owner will be told."
    ),
    "too_many_for_service": (
        "The image service accepts up to {limit} photos at a time. Please send fewer."
    ),
    "charge_no": "Nothing was charged.",
    "charge_yes": "The service charged for it anyway.",
    "charge_maybe": "The service may have charged for it anyway.",
    "stand_in_note": (
        "ℹ️ The usual image service is unavailable, so a backup service made this picture."
    ),
    "provider_lost": (
        "The picture was requested, but the service isn't returning it. I won't request it "
        "again, so that it isn't paid for twice. The bot's owner will be told."
    ),
    "submit_unknown": (
        "The connection broke while I was sending the request, and I can't tell whether the "
        "service accepted it. I stopped, so that it isn't paid for twice. You can try again if "
        "you like."
    ),
    "exhausted": (
        "The image service never finished. I won't request the picture again, so that it isn't "
        "paid for twice. The bot's owner will be told."
    ),
    "given_up": (
        "The bot's owner has stopped this request, so there will be no picture. If you still "
        "want it, please send the request again."
    ),
    "worker_lost": "This picture took too long to process, twice. Try a smaller one.",
    "worker_killed": (
        "Processing this picture failed twice because of a problem on my side. Please try again."
    ),
    "picture_too_much_memory": (
        "I don't have enough memory for this picture. Please try a smaller one."
    ),
    "result_unusable": (
        "The picture was made, but I can't use the file the service sent. I've kept the file, "
        "and the bot's owner will be told."
    ),
    "result_too_heavy": (
        "The picture was made, but the file is too large for me to download. The bot's owner "
        "will be told."
    ),
    "result_missing": (
        "The picture was made, but I lost the file. I won't request it again, so that it isn't "
        "paid for twice. The bot's owner will be told."
    ),
    "result_as_is_note": (
        "ℹ️ I couldn't process this file, so here it is exactly as the service sent it."
    ),
    "result_not_a_picture": "The service sent something that is not a picture. Please try again.",
    "result_too_large": "The finished picture is too large for Telegram. Try a smaller one.",
    "result_refused": "Telegram didn't accept the finished picture. Please try again.",
    "went_wrong": (
        "Something went wrong on my side. The error has been recorded. Please try again."
    ),
    # /privacy, /forget_me, /forget
    "command_privacy": "What I store about you",
    "command_forget": "Delete a user's data",
    "privacy": (
        "🔒 What I store about you\n\n"
        "• Your requests, and links to the pictures in Telegram: 30 days. The buttons under "
        "your pictures need them.\n"
        "• Finished pictures in full quality: up to 30 days.\n"
        "• The photos you send: only while I'm working on them. After that, only links to "
        "them.\n"
        "• Your Telegram ID, your settings and the day you last wrote: {silence}\n"
        "• How much you spent each day: 40 days.\n\n"
        "All of this is on the server of the bot's owner.\n\n"
        "{makers}\n\n"
        "Delete it all: /forget_me"
    ),
    "privacy_silence": "until you delete them or stop writing for {days}.",
    "privacy_no_silence": "until you delete them.",
    "privacy_builtin": (
        "The pictures are made on the same server: your words and photos aren't sent to an image "
        "service."
    ),
    "privacy_makers": (
        "The pictures are made by {makers}. Your words and photos are sent there and handled "
        "by that service's own rules."
    ),
    "privacy_chat": (
        "If it isn't clear what a message means, its text, without your name, is also sent to "
        "{host}."
    ),
    "country_us": "USA",
    "forget_ask": (
        "Delete everything I know about you? Requests in progress will be cancelled, your "
        "settings will be reset, and the buttons under your pictures will stop working. The "
        "pictures themselves will stay in this chat. This can't be undone."
    ),
    "forget_ask_invited": "After that you'll need a new invitation to use the bot.",
    "forget_ask_other": (
        "Delete everything about {user}? Their requests will be cancelled, and the buttons "
        "under their pictures will stop working. This can't be undone."
    ),
    "button_forget": "🗑 Delete everything",
    "forget_done": (
        "✅ Deleted. The last traces will be gone in a few minutes, once the cancelled requests "
        "have ended and the database has been cleaned up."
    ),
    "forget_out_of_reach": (
        "What I can't delete: this chat in Telegram (you can clear it yourself), and the "
        "owner's backups and system log."
    ),
    "forget_makers": "Nor can I delete what was sent to {makers}.",
    "forget_kept": (
        "What stays: today's spending until midnight, a block if there is one, and the bill "
        "for a request that isn't settled yet, without your name, words or photos."
    ),
    "forget_done_other": "✅ Deleted: {user}. The last traces will be gone in a few minutes.",
    "forget_usage": (
        "Write /forget and the user's ID or @name, or reply “/forget” to one of their messages."
    ),
    # For admins.
    "command_stats": "How the bot is doing",
    "command_stuck": "Stuck requests",
    "command_spend": "What the pictures cost",
    "command_ban": "Block a user",
    "command_unban": "Unblock a user",
    "command_allow": "Invite a user or a group",
    "command_pause": "Stop accepting requests",
    "command_resume": "Accept requests again",
    "command_broadcast": "Message all users",
    # /stats
    "stats_waiting": "📊 Waiting: {count}",
    "stats_waiting_oldest": "📊 Waiting: {count}, the oldest for {age}",
    "stats_running": "In progress: {count}; workers: {busy} of {wanted} busy",
    "stats_paused": "⏸ New requests are not accepted: /resume",
    "stats_out": "⚠️ Unavailable: {names}",
    "stats_stuck": "⚠️ Jobs with an unknown outcome: {count}. See /stuck",
    "stats_people": "The bot has {people}",
    "stats_today": "Today, {day}",
    "stats_today_none": "Today, {day}: nothing finished yet",
    "stats_ok": "{count} ready",
    "stats_failed": "{count} failed",
    "stats_rejected": "{count} rejected",
    "stats_cancelled": "{count} cancelled",
    "stats_typical": "Usually takes: {times}",
    "stats_typical_s": "{title} {seconds} s",
    "stats_refused": "Over the limit in the last two hours: {people}",
    "stats_spent": "Spent: {spent}. Details: /spend",
    "stats_spent_of": "Spent: {spent} of {ceiling}. Details: /spend",
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
    "stuck_running": "{number}. {action}, in progress for {age}: {standing}",
    "stuck_dead": "{number}. {action}, {age} ago: {standing}",
    "stuck_facts": "job {job}, user {user}, service {provider}",
    "stuck_submitting": "being sent to the service",
    "stuck_polling": "the service is still working on it",
    "stuck_rendering": "the picture is being processed",
    "stuck_delivering": "the picture is being sent",
    "stuck_submit_unknown": "unknown whether the service accepted the request",
    "stuck_exhausted": "the service never finished",
    "stuck_provider_lost": "the service isn't returning the picture",
    "stuck_provider_expired": "the service deleted the finished picture",
    "stuck_provider_gone": "the service is no longer connected",
    "stuck_result_refused": "Telegram doesn't accept the picture",
    "stuck_result_too_large": "the picture is too large for Telegram",
    "stuck_result_too_heavy": "the file is too large to download",
    "stuck_result_missing": "the file is missing from the bot's disk",
    "stuck_result_unusable": "the service's file can't be used; it has been kept",
    "stuck_went_wrong": "an error in the bot",
    "stuck_legend": (
        "🔁 asks the service for the picture again and delivers it; nothing is requested or "
        "paid for again.\n"
        "✖️ closes the job and tells the user."
    ),
    "stuck_asked": "Asking the service again.",
    "stuck_no_receipt": (
        "The service never confirmed this request, so there is nothing to ask for. Requesting "
        "it again might mean paying twice."
    ),
    "stuck_ended": "Closing it. I'll tell the user.",
    "stuck_gone": "This job is no longer on the list.",
    "stuck_too_late": "The picture is already being sent.",
    # /ban, /unban, /allow
    "ban_usage": (
        "Write /ban, the user's ID or @name and, if you like, the reason. Or reply “/ban” to "
        "one of their messages; forward it to me first if it is in another chat."
    ),
    "ban_done": "🚫 {user} is blocked. To unblock: /unban {user}",
    "ban_admin": "This is an administrator, who can't be blocked.",
    "ban_person_only": "This is a group's ID. Only users can be blocked.",
    "ban_empty": "Nobody is blocked.",
    "ban_title": "Blocked: {count}. Press an ID to unblock the user.",
    "ban_undone": "{user} is unblocked.",
    "ban_unknown": "{user} wasn't blocked.",
    "unban_usage": "Write /unban and the user's ID or @name. To see who is blocked: /ban",
    "allow_open": (
        "The bot is open to everyone, so nobody needs an invitation. To limit it to invited "
        "users, set IMGBOT_ALLOWED_USERS."
    ),
    "allow_done": "✅ {user} can now use the bot.",
    "allow_group_done": "✅ Everyone in the group {user} can now use the bot there.",
    "allow_already": "{user} is already invited.",
    "allow_empty": (
        "Nobody is invited besides IMGBOT_ALLOWED_USERS. Write /allow and the ID of a user or "
        "a group."
    ),
    "allow_title": (
        "Invited besides IMGBOT_ALLOWED_USERS: {count}. Press an ID to withdraw the invitation."
    ),
    "undone": "Done.",
    "id_unreadable": (
        "“{words}” is not an ID. An ID has only digits; a group's ID starts with a minus."
    ),
    "name_unknown": (
        "I don't know @{name}: nobody with this name has written to me. Write the user's ID "
        "instead, or forward me one of their messages and reply to it with the command."
    ),
    "author_hidden": (
        "Telegram doesn't tell me who wrote this: it comes from a channel, or the author hides "
        "their account in forwarded messages. Write the user's ID or @name after the command."
    ),
    "several_named": (
        "This message is about several users. Write an ID or @name after the command."
    ),
    "id_nobodys": "{number} can't be the ID of a user or a group.",
    # /pause, /resume
    "pause_done": (
        "⏸ New requests are not accepted; those in progress will be finished. You can still "
        "send requests yourself. To accept requests again: /resume\n\n"
        "Users see this:"
    ),
    "resume_done": "▶️ Requests are accepted again.",
    "resume_nothing": "Requests are already being accepted.",
    # buttons under alerts
    "fix_no": "No",
    "fix_workers": "⚙️ Set workers to {amount}",
    "fix_workers_yes": "Yes, {amount}",
    "fix_workers_done": (
        "✅ Workers: {workers} (were {before}). This lasts until the next restart or reload; to "
        "keep it, set IMGBOT_WORKERS."
    ),
    "fix_workers_already": "There are already {workers} workers.",
    "fix_pause": "⏸ Pause new requests",
    "fix_pause_yes": "Yes, pause",
    "fix_pause_done": "✅ New requests are not accepted; those in progress will be finished.",
    "fix_pause_already": "New requests are already paused.",
    "fix_resume": "▶️ Accept requests again",
    "fix_resume_yes": "Yes, accept",
    "fix_resume_done": "✅ Requests are accepted again.",
    "fix_resume_already": "Requests are already being accepted.",
    "fix_retry": "🔁 Ask for stuck pictures again",
    "fix_retry_yes": "Yes, ask again",
    "fix_retry_done": (
        "✅ Pictures asked for again: {count}. Nothing is ordered twice. The rest: /stuck"
    ),
    "fix_retry_already": "There is nothing to ask for again. The list: /stuck",
    "fix_budget": "💵 Raise today's budget to {amount}",
    "fix_budget_yes": "Yes, {amount} today",
    "fix_budget_done": "✅ Today's budget is {ceiling}. From tomorrow it is {usual} again.",
    "fix_budget_already": "Today's budget is already {ceiling}.",
    "fix_already": "This was done already.",
    "fix_over": "This is already over. Nothing was changed.",
    # /broadcast
    "cast_usage": (
        "Write the text right after /broadcast, or reply “/broadcast” to the message you want "
        "to send, and it will go out as is, with its picture and formatting. I'll show you a "
        "preview first."
    ),
    "cast_nobody": "There is nobody to send it to: nobody but you has written to me yet.",
    "cast_uncopied": (
        "Telegram doesn't let me copy this message, so I can't send it. I can send text, "
        "photos, videos, files, voice messages and regular polls. I can't send paid, protected "
        "or deleted messages, quizzes, invoices, giveaways and Telegram's own service messages."
    ),
    "cast_preview": "☝️ This is how it will look. Send it to {people}?",
    "cast_busy": "Another broadcast is being sent. Wait until it ends, or stop it.",
    "cast_stale": "This broadcast has expired. Start again: /broadcast",
    "cast_dropped": "Not sent.",
    "cast_begun": "Sending.",
    "cast_stopping": "Stopping.",
    "cast_running": "📣 Sending: {done} of {total}",
    "cast_sent": "📣 Broadcast finished. Delivered: {sent} of {total}",
    "cast_cancelled": "📣 Broadcast stopped. Delivered: {sent} of {total}",
    "cast_blocked": "blocked the bot: {count}",
    "cast_refused": "not accepted by Telegram: {count}",
    "cast_skipped": "unsubscribed in the meantime: {count}",
    "cast_unknown": (
        "may or may not have been delivered, as the connection broke: {count}. I won't send it "
        "to them again"
    ),
    "button_cast_go": "📣 Send",
    "button_cast_drop": "Don't send",
    "button_cast_stop": "⏹ Stop",
    # notifications
    "alarm_key_refused": (
        "🔴 {provider} rejects its key. Set the right key and restart imgbot; pictures will "
        "then continue."
    ),
    "alarm_no_credit": (
        "🔴 {provider} says that its credit is used up. Pictures will continue within ten "
        "minutes after a top-up."
    ),
    "alarm_provider_out": (
        "🔴 {provider} is not responding or not accepting requests. I'll keep trying. To have a "
        "backup service for such times, set IMGBOT_PROVIDER_FALLBACK."
    ),
    "alarm_provider_back": "🟢 {provider} is accepting requests again.",
    "alarm_job_dead": (
        "🔴 Job {job} at {provider} ended without a picture but may have been paid for. Check "
        "your account at {provider}. To deliver or close the job: /stuck. If there are more, I "
        "won't write about each one."
    ),
    "alarm_job_dead_over": (
        "🟢 No new jobs with an unknown outcome. Still listed in /stuck: {count}"
    ),
    "incident_queue_jobs": (
        "🔴 {value} pictures are waiting; more than {bound} is too many.\n"
        "{helps} To stop new requests for a while: /pause"
    ),
    "incident_queue_jobs_over": "🟢 The queue is back to normal: {value} waiting.",
    "incident_job_time_s": (
        "🔴 Pictures take up to {value} s; more than {bound} s is too long.\n"
        "{helps} To see what takes longest: /stuck"
    ),
    "incident_job_time_s_over": "🟢 Pictures are fast again: up to {value} s.",
    "helps_disk": (
        "The disk is full, so no new pictures are started. Free some space (`imgbot doctor`)."
    ),
    "helps_cpu": (
        "All workers and the processor are busy. What helps: a larger server, or an image "
        "service that makes the pictures elsewhere (IMGBOT_PROVIDER)."
    ),
    "helps_memory": (
        "All workers are busy, and there is no memory for more. What helps: a larger server, "
        "or a larger MemoryMax in the systemd unit."
    ),
    "helps_workers": (
        "All workers are busy. What helps: more of them, IMGBOT_WORKERS (now {workers})."
    ),
    "helps_provider_out": (
        "The image service is unavailable. To have a backup service for such times, set "
        "IMGBOT_PROVIDER_FALLBACK."
    ),
    "helps_telegram": (
        "Finished pictures are waiting because of Telegram's own limits. This will pass by itself."
    ),
    "helps_provider_limit": (
        "The image service doesn't accept more requests at once. What helps: a higher limit "
        "there, or another service (IMGBOT_PROVIDER)."
    ),
    "helps_jobs_per_worker": (
        "As many pictures are in progress as the settings allow. What helps: more at once, "
        "IMGBOT_JOBS_PER_WORKER, or a faster model, IMGBOT_MODELS."
    ),
    "helps_running_per_user": (
        "The waiting pictures belong to users who already have as many in progress as one user "
        "may: IMGBOT_RUNNING_PER_USER."
    ),
    "helps_budget": "Today's budget is used up. It is set by IMGBOT_DAILY_BUDGET.",
    "helps_none": (
        "The server itself is not the bottleneck. If it doesn't pass, a faster model may help: "
        "IMGBOT_MODELS."
    ),
    "incident_cpu_ratio": (
        "🟡 The processor is {value}% busy; more than {bound}% leaves no reserve.\n"
        "What helps: fewer workers, IMGBOT_WORKERS (now {workers}; one per core is plenty), or "
        "a server with more cores (and a higher CPUQuota, if it is set)."
    ),
    "incident_cpu_ratio_over": "🟢 The processor has a reserve again: {value}% busy.",
    "incident_memory_ratio": (
        "🟡 {value}% of the memory is used; more than {bound}% leaves no reserve, and the "
        "system may start killing workers.\n"
        "What helps: a larger MemoryMax in the systemd unit, or fewer workers, IMGBOT_WORKERS "
        "(now {workers})."
    ),
    "incident_memory_ratio_over": "🟢 There is enough memory again: {value}% used.",
    "incident_error_ratio": (
        "🟡 {value}% of the pictures fail; more than {bound}% is too many.\n"
        "The log has the reasons: journalctl -u imgbot -p warning. If the image service is at "
        "fault, set IMGBOT_PROVIDER_FALLBACK."
    ),
    "incident_error_ratio_over": "🟢 Pictures are succeeding again: {value}% failed.",
    "incident_update_age_s": (
        "🔴 A message has been waiting for {value} s; more than {bound} s is too long.\n"
        "The log has the reason: journalctl -u imgbot -p warning. If Telegram is slowing down "
        "a chat that asks for too much, lower IMGBOT_RATE_LIMIT_MAX_REQUESTS."
    ),
    "incident_update_age_s_over": (
        "🟢 Messages are answered in time again: the oldest is waiting {value} s."
    ),
    "incident_budget": (
        "🔴 Today's budget is used up: {spent} of {ceiling} is spent or reserved. No paid "
        "pictures until it renews in {wait}. The budget is set by IMGBOT_DAILY_BUDGET."
    ),
    "incident_budget_over": (
        "🟢 Paid pictures are available again: {spent} of {ceiling} is spent or reserved."
    ),
    "incident_polling": (
        "🔴 Telegram hasn't delivered any messages for {minutes} min. If the network is fine, "
        "check IMGBOT_TELEGRAM_API, and whether another bot is running with the same token."
    ),
    "incident_polling_over": (
        "🟢 Messages are coming in from Telegram again. Nothing that users wrote in the "
        "meantime is lost."
    ),
    "incident_rival_poller": (
        "🔴 Another program is using this bot's token and taking its messages: users write and "
        "get no answer. Stop that program. If you don't know of one, the token has leaked: "
        "send /revoke to @BotFather, then run `sudo imgbot install --token-file FILE`."
    ),
    "incident_rival_webhook": (
        "🔴 A webhook is set for this bot and takes all its messages: users write and get no "
        "answer. `sudo imgbot doctor --fix` deletes it, and so does a restart. If you didn't "
        "set it, the token has leaked: send /revoke to @BotFather."
    ),
    "incident_rival_over": "🟢 Nobody else is taking this bot's messages any more.",
    "incident_redis_full": (
        "🔴 Redis is out of memory: {used} of {limit} MB used. New requests are refused, or "
        "soon will be, until there is room.\n"
        "What helps: a larger maxmemory (imgbot doctor prints the command), or fewer waiting "
        "requests, IMGBOT_QUEUE_LIMIT."
    ),
    "incident_redis_full_over": (
        "🟢 Redis has room again: {used} of {limit} MB used. Requests are accepted."
    ),
    "incident_redis_was_away": (
        "🟢 Redis was not responding for {wait} and is back. Nothing is lost. If this happens "
        "again, see journalctl -u imgbot and, if the Redis is your own, IMGBOT_REDIS_URL."
    ),
}
