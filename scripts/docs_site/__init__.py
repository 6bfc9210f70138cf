"""The documentation site: `make docs` builds it. English, and below zh/ Chinese.

Pages in docs/ are written to be read on GitHub, too. Each site is built from a copy of its pages,
in which links out of it are rewritten and to which generated pages are added; so that the builder
needs no plug-in of ours, and another one can take its place.
"""
