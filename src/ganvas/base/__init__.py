"""The ground: lazy imports, other libraries' logs, seeds, files, workers, protocol buffers."""
