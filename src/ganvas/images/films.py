"""Films: GIF and WebP by Pillow, MP4 by ffmpeg."""

from __future__ import annotations

import io
import shutil
import subprocess
import tempfile
from pathlib import Path

import numpy as np

from ganvas.base import extras
from ganvas.base.files import write_file
from ganvas.base.own_files import MARK
from ganvas.errors import UsageError
from ganvas.images import over_white, provenance, signing, write_gif

FORMATS = ("gif", "webp", "mp4")
PER_SECOND = {"gif": 20, "webp": 25, "mp4": 30}
"""Frames per second of a film, by its format. GIF counts in hundredths of a second."""


def format_of(path: Path, chosen: str | None = None) -> str:
    """The format of a film: the chosen one, which the file's name must end with; else by the name.

    Raises: UsageError: another suffix, or the format needs a program that is not installed.
    """
    suffix = path.suffix.lower().removeprefix(".")
    if suffix not in FORMATS or (chosen and chosen != suffix):
        accepted = f".{chosen}" if chosen else ", ".join(f".{one}" for one in FORMATS)
        raise UsageError(f"--out {path} is no name of a film: give one that ends in {accepted}")
    if suffix == "mp4":
        _ffmpeg()
    return suffix


def write_film(path: Path, frames: np.ndarray, seconds: float) -> None:
    """Write generated frames, uint8 [N, H, W, C], as an endless film (MP4: once), in the format of
    the suffix; alpha over white.

    Raises: UsageError: see `format_of`; ffmpeg fails.
    """
    kind = format_of(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "gif":
        write_gif(path, frames, seconds)
    elif kind == "webp":
        _write_webp(path, frames, seconds)
    else:
        xmp = provenance.packet(provenance.identifier(frames))
        write_file(path, signing.signed(provenance.in_mp4(_mp4(frames, seconds), xmp), ".mp4"))


def _write_webp(path: Path, frames: np.ndarray, seconds: float) -> None:
    first, *others = [over_white(frame) for frame in frames]
    xmp = provenance.packet(provenance.identifier(frames))
    buffer = io.BytesIO()
    first.save(
        buffer, "webp", save_all=True, append_images=others, loop=0, quality=85,
        duration=round(1000 * seconds / len(frames)), xmp=xmp.encode(),
    )  # fmt: skip
    write_file(path, signing.signed(buffer.getvalue(), ".webp"))


def _mp4(frames: np.ndarray, seconds: float) -> bytes:
    """The file, with H.264: every player and browser shows it."""
    height, width = (side + side % 2 for side in frames.shape[1:3])  # 4:2:0 needs even sides
    with tempfile.TemporaryDirectory(prefix="ganvas-") as folder:
        made = Path(folder) / "film.mp4"
        command = [
            _ffmpeg(), "-loglevel", "error", "-f", "rawvideo", "-pix_fmt", "rgb24",
            "-video_size", f"{width}x{height}", "-framerate", f"{len(frames) / seconds:.6f}",
            "-i", "-", "-c:v", "libx264", "-crf", "18", "-pix_fmt", "yuv420p",
            "-metadata", f"comment={MARK}", str(made),
        ]  # fmt: skip
        sheet = np.full((height, width, 3), 255, np.uint8)
        content = bytearray()
        for frame in frames:
            sheet[: frame.shape[0], : frame.shape[1]] = over_white(frame).convert("RGB")
            content += sheet.tobytes()
        done = subprocess.run(command, input=content, capture_output=True, check=False)
        if done.returncode or not made.exists():
            why = (done.stderr.decode("utf-8", "replace").strip().splitlines() or ["no message"])[
                -1
            ]
            raise UsageError(f"ffmpeg cannot write the film ({why}): take --format gif or webp")
        return made.read_bytes()


def _ffmpeg() -> str:
    """The program. Raises: MissingExtra: it is not installed."""
    if found := shutil.which("ffmpeg"):
        return found
    if not extras.installed("imageio_ffmpeg"):
        raise extras.missing("film", "ffmpeg", "mp4", "take --format gif or webp")
    from imageio_ffmpeg import get_ffmpeg_exe

    return str(get_ffmpeg_exe())
