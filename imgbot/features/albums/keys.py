"""Redis keys of albums."""

from imgbot.storage.keys import Owner, Owners

ALBUM = "img:album:"  # LIST per incomplete album: its items as JSON
# ZSET: incomplete albums by the time (ms) at which they count as complete
ALBUMS = "img:albums"
# STRING per incomplete album: the time (ms) of its first item
ALBUM_BEGUN = "img:album-begun:"
# STRING per chat, topic and user, 10 s: the album that is being received
ALBUM_OPEN = "img:album-open:"
# STRING per album, an hour: the job made from it, for late items
ALBUM_JOB = "img:album-job:"

KEYS: Owners = {
    ALBUM: (Owner.METHOD,),
    ALBUMS: (Owner.METHOD,),
    ALBUM_BEGUN: (Owner.METHOD,),
    ALBUM_OPEN: (r"-?\d+(?:\.\d+)?\.(\d+)",),
    ALBUM_JOB: (Owner.POINTER, r"(\d+)\..*"),
}
