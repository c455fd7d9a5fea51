"""`python -m imgbot` is `imgbot`."""

if __name__ == "__main__":
    from imgbot.cli import main

    raise SystemExit(main())
