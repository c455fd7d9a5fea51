"""The English sentences."""

SECONDS = ("second", "seconds", "seconds")

TEXTS = {
    # the beginning
    "start": (
        "Hi! I make pictures.\n\nTell me what to draw, or send a photo. Or begin with a button:"
    ),
    "help": (
        "What I can do:\n\n"
        "🎨 Create: just say it in words, “a fox in an autumn forest”\n"
        "✏️ Edit: send a photo with a caption, “warmer and a little brighter”\n"
        "🧩 Merge: /merge, then 2 to 10 photos\n"
        "✨ Retouch: /retouch and a photo; I remove noise and mend light and colour\n"
        "🔍 Upscale: /upscale and a photo; twice or four times the size\n\n"
        "/cancel stops what is being made.\n"
        "Photos up to {limit_mb} MB. Send them as files to keep their full quality."
    ),
    "engine_note": (
        "Pictures are made by the built-in engine now: it paints patterns and landscapes "
        "from words and edits photos, without a neural network."
    ),
    # the menu
    "button_create": "🎨 Create a picture",
    "button_edit": "✏️ Edit a photo",
    "button_merge": "🧩 Merge photos",
    "button_retouch": "✨ Retouch a photo",
    "button_upscale": "🔍 Upscale",
    "button_cancel": "Cancel",
    "button_merge_now": "🧩 Merge",
    "button_again": "🔁 Again",
    "button_edit_more": "✏️ Edit",
    "command_create": "Create a picture from words",
    "command_edit": "Edit a photo",
    "command_merge": "Merge several photos",
    "command_retouch": "Retouch a photo",
    "command_upscale": "Make a photo 2 or 4 times larger",
    "command_cancel": "Cancel",
    "command_help": "What I can do",
    "about": "I make pictures: create from words, edit, merge, retouch and upscale photos.",
    "description": (
        "Tell me what to draw, or send a photo. I create, edit, merge, retouch and upscale "
        "pictures."
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
    "merge_count": "{count} photos. Add more, tell me how to combine them, or press the button.",
    "merge_full": "{limit} photos are the most I can merge at once. Press “Merge”.",
    "merge_too_few": "A merge takes at least two photos. Send one more.",
    "ask_retouch_photo": "Send a photo: I remove noise and mend light, colour and sharpness.",
    "ask_upscale_photo": "Send the picture to make larger.",
    "ask_scale": "How many times larger?",
    "ask_photo_action": "Nice photo. What shall I do with it? You can also just say it.",
    "send_photo_please": "This needs a photo. Send a picture, or /cancel to stop.",
    "choose_scale_please": "Press ×2 or ×4, or /cancel to stop.",
    # a job's life
    "job_waiting": "⏳ Accepted. Your place in line: {place}.",
    "job_working": "🎨 Working…",
    "job_progress": "🎨 Working… {percent}%",
    "job_slow": (
        "🎨 This takes longer than usual, but the order is alive. It won't cost anything "
        "twice: as soon as the picture is ready it will appear here."
    ),
    "job_ready": "Ready, here it comes…",
    "cancelled": "Cancelled.",
    "cancelling": "Cancelling…",
    "cancel_nothing": "There is nothing to cancel.",
    "cancel_dialogue": "All right, forgotten. What shall we do next?",
    "cancel_too_late": "It is almost ready and will appear in a moment.",
    "cancel_over": "This picture is finished already.",
    "not_your_button": "This button is for the person who ordered the picture.",
    "stale_button": "This button no longer works. Start anew: /start",
    "unknown_button": "I don't know this button. Start anew: /start",
    "tapped_already": "On it already.",
    "accepted_short": "Accepted.",
    # captions
    "caption_create": "{words}",
    "caption_edit": "✏️ {words}",
    "caption_merge": "🧩 Photos merged: {count}",
    "caption_retouch": "✨ Retouched",
    "caption_upscale": "🔍 {scale} times larger",
    "caption_unknown": "Not understood: {words}",
    # refusals
    "rate_limited": (
        "⏳ Too many requests. Wait {wait} and try again.\nAttempts left: {remaining}"
    ),
    "too_fast": (
        "You are writing faster than I can read, and I skipped some m"
        "essages. Wait a moment and say it again."
    ),
    "queue_full": "Very many people are waiting just now. Try again in a couple of minutes.",
    "too_many_waiting": (
        "You have {count} waiting already. Wait for a picture, or cancel one: /cancel"
    ),
    "storage_full": "I can't take the order now: I am out of memory. Try again later.",
    "not_allowed": "This bot is for invited people only. Your number: {user_id}",
    "words_empty": "Tell me in words what to draw. For example: “a fox in an autumn forest”.",
    "words_too_long": "That is too long: {count} characters. Please shorten it to {limit}.",
    "cannot_read_kind": "I can't read that. Send a photo, or tell me in words what to draw.",
    "file_not_picture": (
        "This file is not a picture. JPEG, PNG, WebP, GIF, AVIF, TIFF and BMP will do."
    ),
    "picture_too_large": "The picture is too heavy: Telegram hands me files up to {limit_mb} MB.",
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
    "edit_words_unknown": (
        "I did not understand what to do: “{words}”. I know: brighter, darker, warmer, cooler, "
        "more contrast, black and white, sepia, blur, sharpen, rotate, mirror, frame, vintage…"
    ),
    "merge_needs_two": "A merge takes at least two photos.",
    "upscale_too_large": (
        "This picture can't be made larger: it would come to {megapixels:g} MP, and the limit is "
        "{limit_megapixels:g} MP. Try ×2 or a smaller picture."
    ),
    # ends
    "provider_closed": "Pictures are unavailable for now. Nothing was charged; the owner is told.",
    "provider_busy": "The picture service is overloaded. Nothing was charged; try again later.",
    "provider_invalid": (
        "The picture service did not take this request. Nothing was charged; please change it."
    ),
    "provider_moderated": (
        "The picture service refused: the request breaks its rules. Please change the words."
    ),
    "provider_failed": "The picture service failed. Please try again.",
    "provider_lost": (
        "The picture was ordered, but the service does not hand it over. I don't order it again, "
        "so as not to pay twice; the bot's owner will see this."
    ),
    "submit_unknown": (
        "The connection broke while ordering, and nobody knows whether the order was taken. So "
        "as not to pay twice, I stopped. Try again if you like."
    ),
    "exhausted": (
        "The picture service never finished. I don't order again, so as not to pay twice; the "
        "bot's owner will see this."
    ),
    "worker_lost": (
        "This picture was too much for me: the work broke off twice. Nothing was charged. Try a "
        "smaller picture."
    ),
    "result_not_a_picture": "The service sent something that is not a picture. Please try again.",
    "result_too_large": "The picture came out larger than Telegram takes. Try a smaller one.",
    "result_refused": "Telegram did not take the finished picture. Please try again.",
    "went_wrong": "Something broke on my side. It has been noted; please try again.",
}
