"""Networks, training, checkpoints, and what a run leaves: ``nclib.runs.record``, ``sweep`` …."""


def __getattr__(name: str) -> object:
    if name not in ("record", "sweep"):
        raise AttributeError(f"module 'nclib.runs' has no attribute {name!r}")
    import nclib.runs.sweeps as sweeps  # when it is asked for: a room opens no other file

    return getattr(sweeps, name)
