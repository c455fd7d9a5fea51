"""Pictures of the examples in the help: `python -m tests.bench.build_help_examples`.

Each is a numbered sheet of what the built-in engine draws from the buttons' own words,
which a comment in the file repeats.
"""

from PIL import Image

from imgbot.bot.handlers.start import ILLUSTRATIONS, idea_rows
from imgbot.domain.prompt_options import parse_prompt_options
from imgbot.domain.texts import LANGUAGES
from imgbot.painter.engine.collages import contact_sheet
from imgbot.painter.engine.create import draw

SEEDS = (7, 1, 1, 1, 1, 4)
"""Of different colours, and fit for children."""
SIZE, QUALITY = (720, 483), 72


def words_of(language: str) -> list[str]:
    return [button.label for [button] in idea_rows(language)]


def main() -> None:
    for language in LANGUAGES:
        labels = words_of(language)
        # Without the sign that a label begins with.
        prompts = [parse_prompt_options(each.partition(" ")[2]).prompt for each in labels]
        drawn = [draw(each, seed)[0] for each, seed in zip(prompts, SEEDS, strict=True)]
        sheet = contact_sheet(drawn, (255, 255, 255)).resize(SIZE, Image.Resampling.LANCZOS)
        sheet.save(
            ILLUSTRATIONS / f"examples.{language}.jpg",
            quality=QUALITY,
            optimize=True,
            comment="\n".join(labels).encode(),
        )


if __name__ == "__main__":
    main()
