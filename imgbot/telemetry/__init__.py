"""Logs, metrics and health of the bot.

* `events`: one function for each thing that happens, which writes its log line and counts it.
* `logs`: the lines; secrets are struck out of each.
* `metrics`: every series of /metrics, there from the start.
* `health`: measured facts → conditions, judged once for page, terminal, doctor and alerts. Pure.
* `thresholds`: the bounds in numbers, with the hold times of alerts.
* `liveness`: which part of the bot has stopped.

Nothing here decides about a job. A new figure is an event first, not a log line at some place.
"""
