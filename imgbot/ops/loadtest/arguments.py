"""The command line of `imgbot loadtest`; light, for every command's parser is made each time."""

import argparse


def loadtest_arguments(parser: argparse.ArgumentParser) -> None:
    parser.description = (
        "Lets so many people use the bot on this machine, and says how it stands by the guide. "
        "It has a Telegram, a Redis, a folder and a token of its own, which are gone afterwards; "
        "your bot may serve meanwhile, and only the processor's time is shared."
    )
    parser.epilog = (
        "Each person orders once in a quarter of an hour (one worker per 30 users, a picture in "
        "less than 30 s), and once more in the peak, which is the last fifth of the time. "
        "Exit status: 0 the guide's criteria hold and nothing was lost or doubled, 2 they do not, "
        "78 an argument is wrong, 130 stopped, 1 anything else."
    )
    _add_people(parser)
    _add_provider(parser)
    parser.add_argument(
        "--resize",
        action="store_true",
        help="the same orders three times in the same time: to warm up, without and with workers "
        "that come and go; and what that delays",
    )
    parser.add_argument("--json", action="store_true", help="print the document, for scripts")


def _add_people(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--users",
        dest="people",
        type=int,
        nargs="+",
        default=[300],
        metavar="N",
        help="how many people; several numbers are tested one after the other (default 300)",
    )
    parser.add_argument(
        "--workers",
        dest="lanes",
        type=int,
        metavar="N",
        help="how many workers (default: one per 30 users, at least 5)",
    )
    parser.add_argument(
        "--minutes", type=float, default=5.0, metavar="M", help="how long, each (default 5)"
    )


def _add_provider(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--provider",
        default="simulated",
        metavar="NAME",
        help="who makes the pictures: simulated (default), builtin, or a real provider played by "
        "the sandbox, like replicate-sim",
    )
    parser.add_argument(
        "--picture-seconds",
        type=float,
        nargs=2,
        default=[10.0, 30.0],
        metavar=("LOW", "HIGH"),
        help="how long the provider takes for a picture (default 10 30)",
    )
