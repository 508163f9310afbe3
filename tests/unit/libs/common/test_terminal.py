"""A line that is written over where somebody looks at it, and says little where it is kept."""

from io import StringIO

from libs.common.terminal import StatusLine


class Terminal(StringIO):
    """A stream that somebody looks at."""

    def isatty(self) -> bool:
        return True


def test_on_a_terminal_each_text_takes_the_place_of_the_last_and_the_last_one_stands() -> None:
    stream = Terminal()
    line = StatusLine(stream)
    line.show("running, far")
    line.show("running")
    line.show("completed", last=True)
    assert stream.getvalue() == "\rrunning, far\x1b[K\rrunning\x1b[K\rcompleted\x1b[K\n"


def test_in_a_pipe_there_is_a_line_now_and_then_never_the_same_and_always_the_last() -> None:
    stream, now = StringIO(), [0.0]
    line = StatusLine(stream, lambda: now[0])
    for second in range(12):
        now[0] = second
        line.show(f"{second // 6 * 6} of 12")
    line.show("done", last=True)
    line.show("done", last=True)
    assert stream.getvalue() == "0 of 12\n6 of 12\ndone\n"
