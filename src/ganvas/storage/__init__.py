"""Files and folders: the run folder, jobs, manifests, remote addresses, copies of remote runs."""
