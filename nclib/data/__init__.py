"""Images from disk or network to tensors on the device."""
