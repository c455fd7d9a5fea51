"""Painter: what worker processes run, and the pool that runs them.

A caller names a step (`steps`) and awaits `pool.Pool.run`. Paths of files and figures go to a
worker, and paths and figures come back, never pixels: the supervisor decodes no picture, and a
worker imports nothing of Telegram, Redis or HTTP, which is most of its memory.

* `steps`: the steps by name, and the records that they return.
* `pool`, `worker_slot`, `worker`: one executor for each worker, so that one that hangs or is
  killed fails one step; `worker.run_step` is all that they call in it.
* `decoding`, `metadata`: pictures from outside, not trusted until their header, size and pixels
  have been checked.
* `pictures`, `sticker`: pictures as a provider and Telegram take them.
* `drawn_area`: the part of a picture that a user has marked with a pen.
* `engine`: makes and changes pictures without a provider.
* `networks`, `guard`: neural networks of the extras.
* `originals`: finished pictures in full quality, kept for the button that sends the file.

ARCHITECTURE.md has a page on it, with an order of reading.
"""
