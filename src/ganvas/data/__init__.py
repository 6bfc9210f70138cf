"""Where images come from: `load` takes any of the accepted words and gives an `Images`."""

from ganvas.data.base import Images, Options
from ganvas.data.prepare import prepare
from ganvas.data.report import Report
from ganvas.data.sources import load, options_of

__all__ = ["Images", "Options", "Report", "load", "options_of", "prepare"]
