"""Named photos: "this is Rex" in reply to a photo, and then "Rex in a spaceship" orders with it.

* `words`: names that texts give, and the order in one with names.
* `store`: photos by their names, and their copies.
* `handlers`: the words, the buttons, and the photos in the steps of a job.
"""

from imgbot.bot.commands import ChatCommand
from imgbot.features.feature import Core, Feature, PrivacyNote, Seams
from imgbot.features.named_photos.handlers import KEEP, NAMES, WITH, NameHandlers, tell_names
from imgbot.features.named_photos.store import NamedPhotos
from imgbot.features.named_photos.words import NAMING, ORDERING, ROW
from imgbot.files import state_folder
from imgbot.jobs.hooks import Hooks
from imgbot.jobs.maintenance import CHECK_EVERY_S, repeat


def _build(core: Core) -> Seams:
    photos = NamedPhotos(core.redis, state_folder(core.settings.state_dir, "named"))
    handlers = NameHandlers(core, photos)
    names = ChatCommand("names", handlers.show, 5, is_personal=True, help_topic="pictures")
    return Seams(
        word_readers=[ROW],
        answers={NAMING: handlers.name, ORDERING: handlers.order},
        commands=[names],
        actions=[(KEEP, handlers.on_keep), (WITH, handlers.on_with), (NAMES, handlers.on_names)],
        settings_rows=[lambda language, user_id: [[NAMES.button(language, user_id, "")]]],
        privacy_notes=[PrivacyNote("privacy_named")],
        hooks=Hooks(source=(handlers.take_copy,), before_submit=(tell_names,)),
        loops=[lambda: repeat(CHECK_EVERY_S, photos.tidy, "copies of photos not tidied")],
    )


FEATURE = Feature("named_photos", _build)
