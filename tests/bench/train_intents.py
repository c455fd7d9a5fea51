"""Learn the weights of the intents that come with the program, from its utterances."""

from pathlib import Path

from imgbot.domain.intents import head
from imgbot.domain.intents.model import SHIPPED_WEIGHTS, UTTERANCES, digest_of
from imgbot.domain.intents.training import trained, utterances_in
from tests.bench.train_words import train_head

if __name__ == "__main__":
    known = [each for file in UTTERANCES for each in utterances_in(file)]
    Path(str(SHIPPED_WEIGHTS)).write_bytes(trained(known, digest_of(UTTERANCES)))
    Path(str(head.FILE)).write_bytes(train_head(known, digest_of(UTTERANCES)))
