"""`python imgbot.py` is `imgbot`, for those who run a checkout without installing."""

if __name__ == "__main__":
    # Pool workers import the main module again: an import above this line would
    # give each of them the whole bot (13.7 s and 1.6 GB for ten of them).
    from imgbot.cli import main

    raise SystemExit(main())
