"""Checked pictures: the chat model looks for what a prompt names, and what is not there is told.

* `checking`: the question to the chat model, and the lines in the caption and in ℹ️.
* `redoing`: "once more, free", within the operator's limit.

Without `IMGBOT_CHECK`, or without a chat model, nothing is asked.
"""

from dataclasses import replace

from imgbot.features.checks.checking import PictureCheck, missing_line
from imgbot.features.checks.redoing import FREE, REDOS, Redoing
from imgbot.features.checks.settings import CheckSettings
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams
from imgbot.jobs.hooks import AfterRender, AfterShown, Hooks
from imgbot.storage.keys import Owner


def _build(core: Core) -> Seams:
    limit = core.settings.of(CheckSettings).check
    redoing = Redoing(core.redis, core.spend, core.requests, core.pictures, core.messenger, limit)
    shown = Seams(receipt_notes=[missing_line], actions=[(FREE, redoing.on_press)])
    if not limit or not core.chat.is_on:
        return shown
    check = PictureCheck(core.sight, core.pool)
    return replace(
        shown,
        hooks=Hooks(
            after_render=(AfterRender(check.run, without=lambda job: job),),
            after_shown=(AfterShown(redoing.concerns, redoing.offer),),
            caption_notes=(lambda job: missing_line(job, job.request.language),),
        ),
        privacy_notes=[PrivacyNote("privacy_checks", core.chat_host)],
    )


FEATURE = Feature("checks", _build, {REDOS: (Owner.LIMIT,)}, settings=CheckSettings)
