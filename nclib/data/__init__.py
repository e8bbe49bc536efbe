"""Images from disk or network to tensors on the device: ``nclib.data.load_data``, ``Split`` …."""


def __getattr__(name: str) -> object:
    if name not in ("DataSet", "Split", "load_data"):
        raise AttributeError(f"module 'nclib.data' has no attribute {name!r}")
    import nclib.data.dataset as dataset  # when it is asked for: a room opens no other file

    return getattr(dataset, name)
