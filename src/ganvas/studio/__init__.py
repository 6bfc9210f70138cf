"""`ganvas studio`: a page in the browser over run folders and the command line.

What takes long is a child process, `ganvas train` and the like; all that it makes are runs, models
and folders of scores, as the command line makes them. Needs no TensorFlow itself.
"""
