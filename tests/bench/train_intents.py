"""Learn the weights of the intents that come with the program, from its utterances."""

from pathlib import Path

from imgbot.domain.intents.model import FOLDER, UTTERANCES, digest_of
from imgbot.domain.intents.training import trained, utterances_in

if __name__ == "__main__":
    known = [each for file in UTTERANCES for each in utterances_in(file)]
    Path(str(FOLDER / "weights.bin")).write_bytes(trained(known, digest_of(UTTERANCES)))
