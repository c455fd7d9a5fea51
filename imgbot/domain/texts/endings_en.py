"""Final messages of jobs, in English: the reason, and the cost."""

ENDINGS = {
    "provider_closed": "Pictures are temporarily unavailable. Please try again later.",
    "provider_busy": "The picture service is overloaded. Please try again in a few minutes.",
    "provider_down": "The picture service isn't responding. Please try again later.",
    "provider_invalid": (
        "The picture service did not take this request. Please put it in other words."
    ),
    "provider_unsuitable": (
        "The picture service cannot work with this picture. Please try another one, or a smaller "
        "copy of it."
    ),
    "provider_moderated": (
        "The picture service refused: the request breaks its rules. Please change the words or "
        "the picture."
    ),
    "provider_failed": "The picture service failed. Please try again.",
    "provider_expired": (
        "The picture was made, but the service had deleted it before I could fetch it. I don't "
        "order it again by myself, so as not to pay twice; the bot's owner will see this."
    ),
    "provider_gone": (
        "This picture was ordered at a service that is no longer set up, so I can't fetch it. The "
        "bot's owner will see this."
    ),
    "too_many_for_service": (
        "The picture service takes {limit} photos at a time at the most. Please send fewer."
    ),
    "charge_no": "Nothing was charged.",
    "charge_yes": "The service charged for it all the same.",
    "charge_maybe": "It may have been charged all the same.",
    "stand_in_note": "ℹ️ The usual picture service is away: a stand-in made this one.",
    "provider_lost": (
        "The picture was ordered, but the service does not hand it over. I don't order it again, "
        "so as not to pay twice; the bot's owner will see this."
    ),
    "submit_unknown": (
        "The connection broke while ordering, and I can't tell whether the order was taken. So "
        "as not to pay twice, I stopped. Try again if you like."
    ),
    "exhausted": (
        "The picture service never finished. I don't order again, so as not to pay twice; the "
        "bot's owner will see this."
    ),
    "given_up": (
        "The bot's owner has ended this order: there will be no picture. If you still want it, "
        "order it again."
    ),
    "worker_lost": (
        "This picture was too much for me: I tried twice and did not get done in time. Try a "
        "smaller picture."
    ),
    "worker_killed": (
        "Trouble on my side interrupted the work on this picture twice. Please try again."
    ),
    "picture_too_much_memory": (
        "This needs more memory than I have. Please try a smaller picture."
    ),
    "result_unusable": (
        "The picture was made, but I can't use the file that the service sent. I have kept it, "
        "and the bot's owner will see this."
    ),
    "result_too_heavy": (
        "The picture was made, but its file is too large for me to fetch. The bot's owner will "
        "see this."
    ),
    "result_missing": (
        "The picture was made, but its file got lost on my side. I don't order it again by "
        "myself, so as not to pay twice; the bot's owner will see this."
    ),
    "result_as_is_note": (
        "ℹ️ I could not process this file, so here it is just as the service sent it."
    ),
    "result_not_a_picture": "The service sent something that is not a picture. Please try again.",
    "result_too_large": "The picture came out larger than Telegram takes. Try a smaller one.",
    "result_refused": "Telegram did not take the finished picture. Please try again.",
    "went_wrong": "Something broke on my side. It has been noted; please try again.",
}
