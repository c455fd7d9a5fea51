"""The race: imgbot beside the guide's design and a small bot on a lean queue, in one run."""
