"""What lies on disk: the run folder, jobs, manifests, remote addresses and their mirror."""
