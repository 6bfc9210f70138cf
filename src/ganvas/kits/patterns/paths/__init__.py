"""Drawings as paths: read from SVG files, taken apart, and composed anew."""
