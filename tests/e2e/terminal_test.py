# SPDX-License-Identifier: LGPL-2.1-or-later
"""A terminal for tests: a program runs in a pseudo terminal of a given size, an emulator keeps
what a person would see, and each piece of output has its time."""
import fcntl
import os
import pty
import re
import select
import struct
import subprocess
import termios
import time

import pyte

from pegbox_test import SLOW

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]")


def take_terminal():
    """Ctrl-C and changes of the size reach who has the terminal as its own."""
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


class Terminal:
    """`words` in a terminal; read(until) goes on until the condition holds or the program ends."""

    def __init__(self, test, words, columns=80, lines=24, env=None):
        self.test = test
        self.screen = pyte.HistoryScreen(columns, lines, history=10000, ratio=0.5)
        self.stream = pyte.ByteStream(self.screen)
        self.output = b""
        self.pieces = []  # (seconds, bytes)
        self.began = time.monotonic()
        self.main_end, other_end = pty.openpty()
        self.resize(columns, lines)
        self.process = subprocess.Popen(
            words, stdin=other_end, stdout=other_end, stderr=other_end, cwd=test.dir,
            start_new_session=True, close_fds=True, preexec_fn=take_terminal,
            env=test.environment(dict({"TERM": "xterm"}, **(env or {}))))
        os.close(other_end)
        test.addCleanup(self.close)

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        if self.main_end is not None:
            os.close(self.main_end)
            self.main_end = None

    def resize(self, columns, lines):
        fcntl.ioctl(self.main_end, termios.TIOCSWINSZ,
                    struct.pack("HHHH", lines, columns, 0, 0))
        self.screen.resize(lines, columns)

    def write(self, data):
        os.write(self.main_end, data)

    def read_piece(self, seconds):
        """One piece of output; None: nothing came, False: the end."""
        ready, _, _ = select.select([self.main_end], [], [], seconds)
        if not ready:
            return None
        try:
            data = os.read(self.main_end, 1 << 20)
        except OSError:
            data = b""
        if not data:
            return False
        self.output += data
        self.pieces.append((time.monotonic() - self.began, data))
        self.stream.feed(data)
        return data

    def read(self, until=None, seconds=60, each=None):
        """Reads on; `each` looks at the screen after each piece. Fails where `until` never comes."""
        end = time.monotonic() + seconds * SLOW
        while time.monotonic() < end:
            if until is not None and until(self):
                return self
            data = self.read_piece(0.1)
            if data is False:
                if until is not None and not until(self):
                    self.test.fail("the program ended before what was waited for:\n" + self.text)
                return self
            if data and each is not None:
                each(self)
        self.test.fail("not within %d s; the screen:\n%s" % (seconds * SLOW, self.text))

    def finish(self, status=0, **options):
        self.read(**options)
        self.test.assertEqual(self.process.wait(60 * SLOW), status, self.text)
        return self

    @property
    def lines(self):
        """What stands on the screen."""
        return [line.rstrip() for line in self.screen.display]

    @property
    def all_lines(self):
        """The same with what was scrolled away above it."""
        above = ["".join(line[x].data for x in range(self.screen.columns)).rstrip()
                 for line in self.screen.history.top]
        return above + self.lines

    @property
    def text(self):
        return "\n".join(self.lines)

    @property
    def plain(self):
        """All output without its escapes, in the order of its coming."""
        return ESCAPES.sub("", self.output.decode("utf-8", "replace")).replace("\r", "")

    @property
    def redraws(self):
        """How often the block was drawn anew."""
        return len(re.findall(rb"\x1b\[\d+A", self.output))

    @property
    def seconds(self):
        """From the start to the last piece."""
        return self.pieces[-1][0] if self.pieces else 0
