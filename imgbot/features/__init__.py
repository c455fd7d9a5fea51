"""Features: what a picture bot may have beside pictures, one folder each.

A folder has all of its feature: handlers, hooks, Redis keys, scripts, texts in both languages. It
is entered by its `FEATURE`, a `Feature` record (`feature`), which stands in the tuple `FEATURES`
of `imgbot.wiring.features`. The core imports no feature: without its line there, the bot works
and does not know it. README.md here says what a feature may do.
"""
