"""Image providers behind one protocol: submit, poll, fetch, cancel, and find a lost order.

A `GenerationRequest` (operation, prompt, files) goes in; an `Accepted` with its ticket, a `Done`
with the picture, or a ProviderError whose kind says whether anything may have been charged comes
out. Start reading with `protocol.py`.

* `declarative/` does everything for a provider that a TOML file describes (`presets/`).
* `openai` and `comfyui` are code, as no file could describe them; `factory` opens each by name.
* `http` is the only client: bounded responses, deadlines, a key for the hosts of the file alone.
* `url_policy` and `signatures` decide what may be called and what may be believed. Both are pure.

Only a response that certainly means "no task" is a refusal; every other outcome of a submit is
in doubt. No adapter retries a submit.
"""
