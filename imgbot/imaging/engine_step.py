"""Built-in engine as the supervisor refers to it, without loading the picture code itself."""

Made = tuple[str, tuple[str, ...], tuple[str, ...], tuple[str, ...]]
"""Path of the picture, applied changes, unrecognised words, suggestions for them."""


def make_picture(
    operation: str,
    prompt: str,
    sources: tuple[str, ...],
    target: str,
    *,
    scale: int,
    seed: int,
    ratio: str = "",
) -> Made:
    """Run the engine in a worker; see `imgbot.imaging.engine.run`."""
    from imgbot.imaging import engine  # noqa: PLC0415 -- loaded by the forkserver, not here

    made = engine.run(operation, prompt, sources, target, scale=scale, seed=seed, ratio=ratio)
    return made.path, made.applied, made.unrecognised, made.suggestions
