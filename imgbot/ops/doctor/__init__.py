"""The examination of an installation: facts gathered at the edges, findings decided from them."""
