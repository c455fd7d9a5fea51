"""Pictures: a pool of worker processes, and what they do with files.

In come paths of files and figures, never pixels; out come paths and figures. The supervisor names
a step (`steps`) and awaits `pool.Pool.run`; a worker loads the code of that step (`decoding`,
`pictures`, or `imgbot.painter.engine`) and does it.

* `decoding`: what comes from outside, hostile until checked: header, limits, then pixels.
* `pictures`: inputs for a provider, results for Telegram.
* `sticker`: a cut-out as Telegram takes it for a sticker.
* `pool`, `worker_slot`, `worker`: one executor for each worker, so that one that hangs or is
  killed fails one step.
* `originals`: finished pictures in full quality, kept for the button that sends the file.

The supervisor decodes no picture. A worker imports nothing of Telegram, Redis or HTTP: that is
most of its memory. Start reading with `pool.py`.
"""
