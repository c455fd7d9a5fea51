"""English sentences."""

from imgbot.domain.texts import admin_en, endings_en

SECONDS = ("second", "seconds", "seconds")
MINUTES = ("minute", "minutes", "minutes")
HOURS = ("hour", "hours", "hours")
DAYS = ("day", "days", "days")
PEOPLE = ("person", "people", "people")

TEXTS = {
    # start and help
    "start": (
        "Hi! I make pictures.\n\nTell me what to draw, or send a photo. Or begin with a button:"
    ),
    "help": (
        "What I can do:\n\n"
        "{operations}\n\n"
        "/undo one step back · /compare before and after\n"
        "/last and /history: your pictures again, for free\n"
        "/queue what is being made · /cancel stops it\n"
        "/settings language, shape, variants · /limits what is left\n\n"
        "In a group I answer commands, mentions of me and replies to my messages.\n"
        "Photos up to {limit_mb} MB. Send them as files to keep their full quality."
    ),
    "help_create": (
        "🎨 Create: just say it in words. Add “16:9”, “square” or “3 variants” if you like"
    ),
    "help_edit": "✏️ Edit: send a photo with a caption, or reply to any picture with words",
    "help_merge": "🧩 Merge: send an album and say how to combine them, e.g. “put 1 into 2”",
    "help_retouch": "✨ Retouch: /retouch and a photo; I remove noise and fix light and colour",
    "help_upscale": "🔍 Upscale: /upscale and a photo; twice or four times the size",
    "help_removebg": "✂️ Cut out: /removebg and a photo; a PNG without its background",
    "engine_help": (
        "Pictures are made by the built-in engine: it paints from words and edits photos by "
        "rules, without a neural network. When editing, it understands:\n{vocabulary}"
    ),
    "engine_note": (
        "ℹ️ Made by the built-in engine: it paints by rules, without a neural network. The bot's "
        "owner can plug in an AI service with the setting IMGBOT_PROVIDER. I say this only once."
    ),
    "examples": (
        "1: the words “a fox in an autumn forest, watercolour”\n"
        "2: a photo with the caption “warmer, vintage”, before and after\n"
        "3: an album with the caption “collage”"
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
    "button_refresh": "🔄 Refresh",
    "command_create": "Create a picture from words",
    "command_edit": "Edit a photo",
    "command_merge": "Merge several photos",
    "command_retouch": "Retouch a photo",
    "command_upscale": "Make a photo 2 or 4 times larger",
    "command_removebg": "Remove the background of a photo",
    "command_undo": "Go one step back",
    "command_compare": "Before and after, side by side",
    "command_last": "Show the latest picture again",
    "command_history": "Your latest pictures",
    "command_queue": "What is being made",
    "command_limits": "What is left, and until when",
    "command_settings": "Language, shape, variants, photo or file",
    "command_quiet": "Turn the “ready” message on or off",
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
    "ask_create": "What shall I draw? Say it in words.",
    "ask_edit_photo": "Send the photo to edit.",
    "ask_edit_words": (
        "What shall I do with it? For example: “warmer and a little brighter”, "
        "“black and white”, “rotate right”."
    ),
    "ask_merge_photos": "Send 2 to 10 photos, one by one or as an album.",
    "merge_count_one": "Got the first photo. Send at least one more.",
    "merge_count": (
        "{count} photos, numbered in the order you sent them. Tell me how to combine them "
        "(“side by side”, “put 1 into 2”), add more, or press the button."
    ),
    "merge_full": "{limit} photos are the most I can merge at once. Press “Merge”.",
    "merge_too_few": "A merge takes at least two photos. Send one more.",
    "merge_cut": "{limit} photos are the most I can merge at once, so I take the first {limit}.",
    "album_command": (
        "That works with one photo at a time. Send the photo by itself with this command; an album "
        "I can only merge."
    ),
    "ask_retouch_photo": "Send a photo: I remove noise and fix light, colour and sharpness.",
    "ask_upscale_photo": "Send the picture to make larger.",
    "ask_removebg_photo": "Send the photo: I remove its background.",
    "ask_scale": "How many times larger?",
    "ask_photo_action": "What shall I do with this photo? Press a button, or just say it.",
    "send_photo_please": "This needs a photo. Send a picture, or /cancel to stop.",
    "choose_scale_please": "Press ×2 or ×4, or /cancel to stop.",
    # job status
    "job_waiting": "⏳ Accepted. Your place in line: {place}.",
    "job_working": "🎨 Working…",
    "job_working_usually": "🎨 Working… usually about {usually}.",
    "job_progress": "🎨 Working… {percent}%",
    "job_slow": (
        "🎨 This takes longer than usual, but your order is still running. You won't be charged "
        "twice: as soon as the picture is ready it will appear here."
    ),
    "job_ready": "Ready, here it comes…",
    "ready": "✅ Ready!",
    "ready_without": "This one did not work out; the reason is in the message above.",
    "cancelled": "Cancelled.",
    "cancelling": "Cancelling…",
    "cancel_nothing": "There is nothing to cancel.",
    "cancel_dialogue": "All right, forgotten. What shall we do next?",
    "cancel_too_late": "It is almost ready and will appear in a moment.",
    "cancel_over": (
        "This picture is finished already. If this message still says that it is being made, "
        "it is a leftover: you can delete it."
    ),
    "not_your_button": "This button is for the person who ordered the picture.",
    "stale_button": "This button no longer works. Start again: /start",
    "unknown_button": "I don't know this button. Start again: /start",
    "tapped_already": "On it already.",
    "accepted_short": "Accepted.",
    "slow_down": "One moment, not so fast.",
    # active jobs, results, settings
    "queue_empty": "Nothing is being made for you now. Tell me what to draw!",
    "queue_title": "Being made for you: {count}",
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
        "Requests left: {remaining} of {limit} (counted over {window}).\n"
        "Waiting in line: {waiting} of {waiting_limit}.\n"
        "Made at the same time: up to {running_limit}."
    ),
    "limits_again": "All requests are yours again in {wait}.",
    "limits_money": "Left today: {left} of {limit}. All of it is yours again in {wait}.",
    "limits_budget": "Today's pictures are used up. It goes on by itself in {wait}.",
    "spend": (
        "💵 Today, {day}: {total}\n"
        "Reserved in it by pictures on their way: {reserved}\n"
        "Ceiling for all: {ceiling}; per person: {own}; resets in {wait}"
    ),
    "spend_no_ceiling": "none",
    "spend_people": "Most today, by id:",
    "spend_days": "The last {count} days: {total}",
    "quiet_on": (
        "All right, I won't write separately when a picture is ready. /quiet turns it back on."
    ),
    "quiet_off": (
        "When a picture takes a while, I'll write when it is ready. /quiet turns that off."
    ),
    "history_empty": "You have no pictures yet. Tell me what to draw!",
    "undo_nothing": "There is nothing to go back to: this picture hasn't been changed.",
    "undo_original": "This is where it began: your own picture. Reply to it with words to edit it.",
    "compare_nothing": "There is nothing to compare: this picture was not made from another one.",
    "original_caption": "The picture as a file, uncompressed",
    "original_slow": (
        "Telegram did not take the file in time. If it is not here in a minute, press again."
    ),
    "original_gone": (
        "I no longer keep the uncompressed file. Save the picture from the chat instead."
    ),
    "inline_button": "Create a new picture",
    "choice_any": "Any",
    "choice_photo": "As a photo",
    "choice_file": "As a file",
    "choice_loud": "🔔 Say when ready",
    "choice_quiet": "🔕 Quiet",
    "choice_news": "📣 News",
    "choice_no_news": "🚫 No news",
    "button_news_off": "🔕 No more news",
    "news_off": "All right, no more news. /settings brings them back.",
    "settings": (
        "Your settings. Row by row: language; shape of new pictures (two rows); how many variants "
        "at once; photo or file; a message when a long wait is over; news from the bot's owner.\n"
        "What you write in a request takes priority: “a fox, 16:9, 2 variants”."
    ),
    # captions
    "caption_create": "{words}",
    "caption_edit": "✏️ {words}",
    "caption_merge": "🧩 Photos merged: {count}",
    "caption_retouch": "✨ Retouched",
    "caption_retouch_nothing": "✨ This photo is good as it is: nothing needed fixing",
    "caption_upscale": "🔍 Enlarged ×{scale}",
    "caption_upscale_less": "🔍 Enlarged ×{scale}, the most for this picture",
    "caption_removebg": "✂️ Background removed",
    "caption_removebg_unclear": (
        "✂️ Nothing stands out clearly from the background here, so this cut-out is a guess. "
        "A photo with a plainer background works better."
    ),
    "caption_compare": "Before and after",
    "caption_did": "Done: {did}",
    "caption_unknown": "I didn't understand: {words}",
    "caption_unknown_nearest": "I didn't understand: {words}. Did you mean: {nearest}?",
    # errors
    "rate_limited": (
        "⏳ Too many requests. Wait {wait} and try again.\nAttempts left: {remaining}"
    ),
    "too_fast": (
        "You are writing faster than I can read, and I skipped some messages. "
        "Wait a moment and say it again."
    ),
    "queue_full": "A lot of people are waiting right now. Try again in a couple of minutes.",
    "too_many_waiting": (
        "You have {count} waiting already. Wait for a picture, or cancel one: /cancel"
    ),
    "budget_used_up": (
        "Today's pictures are used up, and nothing was charged for this one. It goes on by itself "
        "in {wait}, when a new day begins: send it again then."
    ),
    "user_budget_used_up": (
        "What you have left for today is not enough for this picture; nothing was charged. In "
        "{wait} a new day begins, and all of it is yours again: /limits"
    ),
    "storage_full": "I can't store anything just now: I am out of memory. Try again later.",
    "paused": (
        "I'm down for maintenance and can't take orders right now. Try again in a few minutes."
    ),
    "paused_words": "I'm down for maintenance and can't take orders right now: {words}",
    "banned": "The bot's owner has blocked you from using it.",
    "anonymous": (
        "I can't tell who is writing: you write as a group or a channel. Switch to your own name "
        "and say it again."
    ),
    "edited_message": (
        "I work from the first version of a message. If you want it changed, send it again."
    ),
    "not_allowed": "This bot is for invited people only. Your ID: {user_id}",
    "variants_fewer": (
        "Making {taken} of {count} variants. There is no room for the rest just now: /limits says "
        "when there will be."
    ),
    "pleasantry": ("Glad to be here! Tell me what to draw, or reply to a picture to change it."),
    "unknown_command": "I don't know this command. Everything I can do is in /help.",
    "question_expired": (
        "I asked more than {minutes} minutes ago and no longer know which photo this is about. "
        "Send the photo again with these words, or just the words for a new picture."
    ),
    "words_empty": "Tell me in words what to draw. For example: “a fox in an autumn forest”.",
    "words_too_long": "That is too long: {count} characters. Please shorten it to {limit}.",
    "cannot_read_kind": "I can't read that. Send a photo, or tell me in words what to draw.",
    "file_not_picture": (
        "This file is not a picture. JPEG, PNG, WebP, GIF, AVIF, TIFF and BMP will do."
    ),
    "picture_too_large": "The file is too big: Telegram only gives me files up to {limit_mb} MB.",
    "picture_not_a_picture": (
        "This is not a picture, whatever its name says. JPEG, PNG, WebP, GIF, AVIF, TIFF and "
        "BMP will do."
    ),
    "picture_truncated": "The file is damaged or arrived incomplete. Please send it again.",
    "picture_too_many_pixels": (
        "The picture is too large: {megapixels:g} MP, the limit is {limit_megapixels:g} MP. "
        "Make it smaller and send it again."
    ),
    "picture_too_long": (
        "The picture is too long: one side has {side_px} pixels, the limit is {limit_px}. "
        "Crop it and send it again."
    ),
    "picture_too_small": "The picture is too small to do anything with. Please send another.",
    "picture_gone": "Telegram no longer keeps this photo. Please send it again.",
    "picture_heic": (
        "This is a HEIC photo, and this bot cannot open those. Send it as an ordinary photo, or "
        "as a JPEG."
    ),
    "edit_words_unknown": (
        "I don't know how to do that: “{words}”. Try, for example: {nearest}. "
        "Everything I can do is in /help."
    ),
    "merge_needs_two": "A merge takes at least two photos.",
    "upscale_large_already": "This picture is already as large as I can make one.",
    "upscale_too_large": (
        "This picture can't be made larger: it would come to {megapixels:g} MP, and the limit is "
        "{limit_megapixels:g} MP. Try ×2 or a smaller picture."
    ),
    "ask_by_name": "{name}, this is for you:\n{question}",
} | endings_en.ENDINGS

TEXTS |= admin_en.ADMIN
