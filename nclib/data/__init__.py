"""Images from disk or network to tensors on the device: ``nclib.data.load_data``, ``Split`` …."""


def __getattr__(name: str) -> object:
    # when it is asked for: a room opens no other file
    if name == "load_data":
        from nclib.data.loading import load_data

        return load_data
    if name not in ("DataSet", "Split"):
        raise AttributeError(f"module 'nclib.data' has no attribute {name!r}")
    import nclib.data.dataset as dataset

    return getattr(dataset, name)
