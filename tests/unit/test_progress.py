"""Progress, by a clock of the test, off a terminal and on terminals of four widths."""

import io
import logging
import re
import threading
from types import SimpleNamespace

import pytest

from ganvas.base import progress
from ganvas.base.display import Display
from ganvas.base.messages import log, noted
from ganvas.base.pace import WINDOW, Pace, clock
from ganvas.base.progress import Reporter, heard, plain, reported, reporting, say, stage
from ganvas.base.stages import Stage
from ganvas.config.plan import Plan
from ganvas.doctor import Finding
from ganvas.training.callbacks.panel import Panel, broken
from ganvas.training.callbacks.progress_bar import ProgressBar, state_of_health
from terminal import Screen, Terminal

PLAN = Plan(
    batch=64, turns=1, discriminator_steps=1, execution=10, tick=100, warmup=0, total=1500,
    burn_in=0, grid_every=2, score_every=3,
)  # fmt: skip


class Clock:
    def __init__(self):
        self.now = 0.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Clock()


@pytest.fixture
def quiet_thread(monkeypatch):
    """No timer: the test calls `beat` itself."""
    monkeypatch.setattr(progress, "BEAT", 3600.0)


# --- pace --------------------------------------------------------------------------------------


def test_the_pace_is_the_recent_one():
    pace = Pace()
    assert pace.rate() is None and pace.left(10, 0) is None
    for second in range(100):
        pace.add(second, second)  # 1 a second
    for second in range(100, 200):
        pace.add(second, 99 + 5 * (second - 99))
    assert pace.rate() == pytest.approx(5)
    assert pace.left(50, 199) == pytest.approx(10)
    assert pace.left(50, 203) == pytest.approx(6), "it counts down between two points"
    assert len(pace.points) < WINDOW + 3


def test_the_pace_of_rare_points_is_that_of_the_last_two():
    pace = Pace()
    for number, at in enumerate((0, 300, 500)):
        pace.add(at, number)
    assert pace.rate() == pytest.approx(1 / 200)


def test_clock():
    assert [clock(s) for s in (0, 61, 3661)] == ["0:00", "1:01", "1:01:01"]


# --- off a terminal ----------------------------------------------------------------------------


def test_a_line_every_fifteen_seconds_and_none_after_the_end(time, quiet_thread):
    stream = io.StringIO()
    reporter = Reporter(stream, now=time)
    checking = Stage("checking images", 10_000, "images", now=time)
    reporter.open(checking)
    for second in range(61):
        time.now = float(second)
        checking.update(50 * second)
        reporter.beat()
    assert stream.getvalue().splitlines() == [
        "checking images 750/10,000 images, 0:15, left 3:05",
        "checking images 1,500/10,000 images, 0:30, left 2:50",
        "checking images 2,250/10,000 images, 0:45, left 2:35",
        "checking images 3,000/10,000 images, 1:00, left 2:20",
    ]
    time.now = 70
    reporter.say("a line of the work itself")
    time.now = 84
    reporter.beat()
    assert len(stream.getvalue().splitlines()) == 5, "the silence begins again"
    reporter.close(checking)
    time.now = 1000
    reporter.beat()
    reporter.open(checking)
    reporter.end()
    time.now = 2000
    reporter.beat()
    assert len(stream.getvalue().splitlines()) == 5


def test_the_timer_ends_with_its_reporter():
    before = set(threading.enumerate())  # others may end meanwhile
    stream = io.StringIO()
    reporter = Reporter(stream)
    reporter.open(Stage("working"))
    (timer,) = set(threading.enumerate()) - before
    reporter.end()
    assert not timer.is_alive() and not stream.getvalue()


def test_a_library_is_silent_unless_it_reports(capsys):
    @reported
    def work(number, *, progress=True):
        say(f"step {number}")
        with stage("working") as one:
            one.advance()
        log.warning("strange")
        return progress

    with reporting(False):
        assert work(1) is True, "a silent caller"
        assert not heard()
    say("nobody")
    assert capsys.readouterr().err == ""
    assert work(2, progress=False) is False
    assert capsys.readouterr().err == "", "and no diagnostics either"
    assert work(3) is True
    err = capsys.readouterr().err.splitlines()
    assert err[0] == "step 3"
    with reporting():
        outer = progress.current()
        work(4)
        assert progress.current() is outer
        say("row", once=True)
        say("row", once=True)
        outer.quiet = True
        work(5)
        say("unheard")
    assert capsys.readouterr().err.splitlines()[:2] == ["step 4", "row"]


def test_diagnostics_are_lines_of_a_command_and_records_of_a_library(capsys, caplog):
    with noted(always=True):
        log.warning("a name \x1b[31m")
        log.info("not shown")
        logging.getLogger("ganvas.serve").warning("has its own lines")
    assert capsys.readouterr().err == "note: a name \\x1b[31m\n"
    with noted():  # pytest shows all records: so does a program that has set its own handlers
        log.warning("once")
    assert capsys.readouterr().err == "" and "once" in caplog.text


# --- on a terminal -----------------------------------------------------------------------------


@pytest.fixture
def shown():
    """Opens a terminal of so many columns; gives what it showed at each mark, and at the end."""

    def run(columns, work):
        terminal, marks = Terminal(columns), []
        work(terminal, lambda: marks.append(len(b"".join(terminal.so_far()).decode())))
        sent = terminal.close()
        frames = [Screen(columns).feed(sent[:mark]).shown() for mark in [*marks, len(sent)]]
        return frames, sent

    return run


def training(terminal, time, mark):
    """A resumed run: it compiles, trains, scores, trains."""
    reporter = Reporter(terminal.stream, Display(terminal.stream), time)
    step = [300]
    panel = Panel(PLAN, 300, lambda: step[0], time)
    reporter.open(panel)
    time.now = 4.0
    reporter.beat()
    mark()
    for second in range(5, 31):
        time.now, step[0] = float(second), step[0] + 4
        reporter.beat()
    panel.tick(404, 1.0)
    losses = {"discriminator": 0.613, "fake": -0.42, "generator": 1.03, "penalty/r1": 0.0183}
    reporter.beat()
    panel.rows["losses"] = [f"{name} {value:.3g}" for name, value in losses.items()], ""
    panel.rows["score"] = ["frechet 12.34", "best 11.9 at 38.4 kimg", "floor 2.1"], ""
    panel.rows["doctor"] = ["no failure found"], "green"
    panel.rows["picture"] = [f"runs/{'long' * 30}/samples/000038.png"], ""
    reporter.beat()
    mark()
    reporter.close(panel)
    reporter.end()


def test_the_pace_of_a_training_is_measured_between_two_lines(time, quiet_thread):
    """A beat reads the step counter, so that the first tick has a speed and a time left."""
    step, stream = [0], io.StringIO()
    reporter = Reporter(stream, now=time)
    panel = Panel(PLAN, 0, lambda: step[0], time)
    reporter.open(panel)
    for second in range(1, 14):
        time.now, step[0] = float(second), step[0] + 10
        reporter.beat()
    assert not stream.getvalue() and panel.speed() == "640 img/s"
    reporter.end()


def test_silence_is_counted_across_stages(time, quiet_thread):
    stream = io.StringIO()
    reporter = Reporter(stream, now=time)
    for name, end in (("importing", 10.0), ("reading", 16.0)):
        one = Stage(name, now=time)
        reporter.open(one)
        time.now = end
        reporter.beat()
        reporter.close(one)
    assert stream.getvalue() == "reading, 0:06\n"
    reporter.end()


@pytest.mark.parametrize("columns", [80, 100, 120, 200])
def test_the_panel_fits_the_terminal(columns, time, shown, quiet_thread):
    (compiling, working, end), sent = shown(columns, lambda t, mark: training(t, time, mark))
    assert all(len(line) <= columns for line in working)
    [line] = [line for line in compiling if line]
    assert re.fullmatch("[━╸╺]+   20%  compiling 0:04  kimg 19.2/96.0", line)
    lines = [line for line in working if line]
    assert re.fullmatch(r"[━╸╺]+   27%  left 4:42  kimg 25.9/96.0  256 img/s", lines[0])
    assert len(lines[0]) >= min(columns, 90) - 2, "the bar fills the line"
    text = "".join(lines)
    for part in ("discriminator 0.613", "penalty/r1 0.0183", "floor 2.1", "no failure found"):
        assert part in text
    assert "".join(lines[4:]).replace(" ", "").startswith("picture" + "runs/" + "long" * 10)
    assert "samples/000038.png" in "".join(line[9:] for line in lines)
    assert [line for line in end if line] == lines, "the last panel stays"
    assert "\x1b[32m" in sent, "healthy is green"


def test_without_colour(time, shown, quiet_thread, monkeypatch):
    monkeypatch.setenv("NO_COLOR", "1")
    _, sent = shown(80, lambda terminal, mark: training(terminal, time, mark))
    assert not re.search(r"\x1b\[[\d;]*3\d[;m]", sent)


def test_a_stage_leaves_its_duration(time, shown, quiet_thread):
    def work(terminal, mark):
        reporter = Reporter(terminal.stream, Display(terminal.stream), time)
        checking = Stage("checking images", 10_000, "images", now=time)
        reporter.open(checking)
        for second in range(11):
            time.now = float(second)
            checking.update(320 * second)
            reporter.beat()
        mark()
        terminal.resize(40)
        reporter.beat()
        reporter.close(checking)
        short = Stage("building", now=time)
        reporter.open(short)
        reporter.close(short)
        reporter.say("a line")
        reporter.end()

    (working, end), _ = shown(80, work)
    assert re.fullmatch("checking images  ━.*  3,200/10,000 images 0:10, left 0:21", working[0])
    assert [line for line in end if line] == ["checking images: 3,200 images, 10.0 s", "a line"]


def test_a_terminal_that_other_processes_write_to_gets_lines(time, quiet_thread):
    stream, drawn = io.StringIO(), []
    display = SimpleNamespace(show=drawn.append, refresh=lambda: drawn.append("refresh"))
    reporter = Reporter(stream, display, time)
    token = progress._current.set(reporter)
    try:
        with plain(), stage("searching", 20, "trials"):
            time.now = 15.0
            reporter.beat()
    finally:
        progress._current.reset(token)
    assert not drawn and stream.getvalue().startswith("searching 0/20 trials, ")


def test_a_dumb_terminal_gets_lines(monkeypatch):
    monkeypatch.setenv("TERM", "dumb")
    terminal = Terminal(80)
    assert progress._display(terminal.stream) is None
    monkeypatch.setenv("TERM", "xterm")
    assert isinstance(progress._display(terminal.stream), Display)
    terminal.close()


# --- a training --------------------------------------------------------------------------------


def test_time_left_of_a_training_knows_what_its_scorings_take(time):
    """A resumed run of 1,000 steps at 10 a second; each third tick is scored, for 30 seconds."""
    step = [500]
    panel = Panel(PLAN, 500, lambda: step[0], time)
    assert panel.left() is None
    time.now = 20.0  # it compiled
    for tick in (600, 700, 800, 900, 1000, 1100, 1200):
        for _ in range(10):
            time.now, step[0] = time.now + 1, step[0] + 10
            panel.look()
        pause = 30.0 if PLAN.score_due(tick) else 2.0
        time.now += pause
        panel.tick(tick, pause)
    # 300 steps, two ticks of 2 s and one of 30 s: the last, which is scored whatever its number
    assert panel.left() == pytest.approx(300 / 10 + 2 + 2 + 30, abs=0.5)
    assert panel.speed() == "640 img/s"
    time.now += 5.0
    assert panel.left() == pytest.approx(59, abs=0.5)


def test_parts_of_a_row_are_not_broken():
    assert broken(["aa 1", "bb 2", "cc 3"], 10) == ["aa 1  bb 2", "cc 3"]
    assert broken(["x" * 25], 10) == ["x" * 10, "x" * 10, "x" * 5]
    assert broken([""], 10) == [""]


def test_what_the_panel_shows_of_a_run(time, capsys, monkeypatch, tmp_path):
    """A resumed run: its last score is known before the next one."""
    monkeypatch.chdir(tmp_path)
    rows = [{"step": 100, "score/kid": 0.2, "score/seconds": 7.0}, {"step": 200}]
    best = {
        "by": "kid", "kid": 0.1, "kimg": 6.4, "floor": {"kid": 0.02}, "against": "held-out images"
    }  # fmt: skip
    run = SimpleNamespace(rows=lambda: rows, best=best)
    watch, samples = SimpleNamespace(findings=None), SimpleNamespace(path=None)
    steps = SimpleNamespace(seconds=3.0)
    bar = ProgressBar(run, PLAN, 200, steps, samples, watch, time)
    shown = bar.panel.rows
    score = ["kid 0.2", "best 0.1 at 6.4 kimg", "floor 0.02", "on held-out images"]
    assert shown == {"score": (score, "")} and list(bar.panel.pauses[True]) == [7.0]
    bar.on_epoch_begin(0)
    time.now, samples.path = 5.0, tmp_path / "samples" / "000019.png"
    with reporting(), bar:
        bar.tick(300, {"generator": 1.5, "score/kid": 0.3, "signal/x": 1.0, "slope/y": 1.0})
    assert bar.panel.paused == 2.0
    assert shown["losses"] == (["generator 1.5"], "") and shown["score"][0][0] == "kid 0.3"
    assert shown["doctor"][0] == ["too early to say"]
    assert shown["picture"] == (["samples/000019.png"], "")
    line = capsys.readouterr().err
    assert re.fullmatch(r"kimg 19.2/96.0  generator 1.5 score/kid 0.3(  \S+ \S+)*\n", line)
    assert state_of_health([]) == (["no failure found"], "green")
    finding = Finding("mode_collapse", "certain", 12.8, {})
    assert state_of_health([finding]) == (["mode_collapse since 12.8 kimg (certain)"], "red")


# --- the command line --------------------------------------------------------------------------


def commands(command, path=()):
    yield path, command
    for name, inner in getattr(command, "commands", {}).items():
        yield from commands(inner, (*path, name))


def test_every_command_takes_quiet_and_verbose():
    import typer

    from ganvas.cli.app import app

    found = dict(commands(typer.main.get_command(app)))
    assert ("train",) in found and ("defects", "fit") in found
    for path, command in found.items():
        names = [option.name for option in command.get_params(typer.Context(command))]
        assert {"quiet", "verbose"} <= set(names), path


@pytest.mark.parametrize("words", [["-q", "recipes", "quick"], ["recipes", "quick", "--quiet"]])
def test_quiet(words, capsys):
    from ganvas.cli.app import app

    with reporting(always=True):
        app(words, standalone_mode=False)
        assert not heard()
        say("progress")
        with stage("working"):
            log.warning("a note")
        assert progress.current().stages == []
    out, err = capsys.readouterr()
    assert out.startswith("#:schema") and err == "note: a note\n"


@pytest.mark.parametrize("words", [["-v", "recipes", "quick"], ["recipes", "quick", "--verbose"]])
def test_verbose(words, capsys):
    from ganvas.cli.app import app

    before = log.level
    with reporting(always=True):
        app(words, standalone_mode=False)
        with stage("working", 3, "units") as one:
            one.update(3)
    assert capsys.readouterr().err == "working: 3 units, 0.0 s\n" and log.level == before
