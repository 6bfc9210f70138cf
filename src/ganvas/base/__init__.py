"""What all other folders use: lazy imports, other libraries' logs, seeds, files, workers, protocol
buffers."""
