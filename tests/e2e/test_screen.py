#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `run` shows on a terminal: a block that is redrawn in place, whatever its size, and lines
of trials above it."""
import re

from pegbox_test import PEGBOX, PegboxTest, main, sh
from terminal_test import ESCAPES, Terminal

REPORT = """echo "{\\"loss\\": $1, \\"other\\": 5}"; sleep 0.3; [ "$1" != 2 ] || exit 7"""


class Screen(PegboxTest):
    def terminal(self, columns=80, lines=24, env=None, script=REPORT, words=(), **keys):
        config = keys.pop("config", {"x": {"$grid_search": [3, 1, 2, 4, 5, 6]}})
        path = self.spec(sh(script, "{x}"), name="e", metric="loss", mode="min", config=config,
                         **keys)
        return Terminal(self, [PEGBOX, "run", path] + list(words), columns, lines, env)

    def check_end(self, lines):
        """The last block with its table, then the summary."""
        text = "\n".join(lines)
        self.assertEqual(len(re.findall(r"^e  done after ", text, re.M)), 1, text)
        self.assertRegex(text, r"(?m)^trials +6/6 ended: 5 TERMINATED, 1 ERROR$")
        self.assertRegex(text, r"(?m)^  x  1$")
        self.assertRegex(text, r"(?m)^Look further: .*pegbox best ")
        self.assertRegex(text, r"(?m)^pegbox: trial \S+ failed: exited with status 7")
        self.assertNotIn("running for", text)

    def check_block(self, terminal):
        """At no time are there two blocks, or what is left of one. (A redraw may come in pieces.)"""
        if not terminal.output.endswith(b"\x1b[J"):
            return
        text = terminal.text
        self.assertLessEqual(len(re.findall(r"(?m)^e  (running|done)", text)), 1, text)
        self.assertLessEqual(len(re.findall(r"(?m)^trials +\d", text)), 1, text)
        self.assertLessEqual(len(re.findall(r"(?m)^results ", text)), 1, text)
        for line in terminal.lines if "e  running" in text else ():
            self.assertLess(len(line), terminal.screen.columns, line)

    def test_sizes(self):
        for columns, lines in ((80, 24), (40, 24), (200, 50), (30, 8), (80, 5)):
            with self.subTest(columns=columns, lines=lines):
                terminal = self.terminal(columns, lines, words=["--results-dir", "%s/%dx%d" % (
                    self.dir, columns, lines)])
                terminal.finish(1, each=self.check_block)
                if columns >= 80 and lines >= 24:
                    self.check_end(terminal.all_lines)
                # Left as it was: whatever was hidden is shown again.
                self.assertEqual(terminal.output.count(b"\x1b[?25l"),
                                 terminal.output.count(b"\x1b[?25h"))

    def test_block(self):
        terminal = self.terminal(100, 40, max_failures=1, max_concurrent_trials=2,
                                 words=["--verbose", "3"])
        terminal.read(until=lambda t: re.search(r"(?m)^failed trial", t.text))
        text = terminal.text
        for line in (r"e  running for \d+ s  \d{4}-\d\d-\d\d \d\d:\d\d:\d\d",
                     r"[█▉▊▋▌▍▎▏]*░* +\d+ %.*",
                     r"trials     \d/6 ended: .*",
                     r"best       loss 1 by trial 1: x=1",
                     r"in use     \d+/\d+ CPUs, \d/2 trials at once, memory [0-9.]+/[0-9.]+ GiB.*",
                     r"scheduler  Using FIFO scheduling algorithm.",
                     r"results    ~/results/e",
                     r" *#  trial +status +pid +x +loss +iter +time +other",
                     r" *1  \S+_00001 +TERMINATED +\d+ +1 +1 +1 +0.\d s +5",
                     r"failed trial +failures +error.*",
                     r"\S+_00002 +\d  exited with status 7.*"):
            self.assertRegex(text, "(?m)^%s$" % line)
        terminal.finish(1)

    def test_waits(self):
        terminal = self.terminal(max_concurrent_trials=1)
        terminal.read(until=lambda t: re.search(
            r"(?m)^waiting +\d trials?: max_concurrent_trials is 1$", t.text))
        terminal.finish(1)

    def test_rest_after_a_failure(self):
        terminal = self.terminal(100, 30, script="exit 7", max_failures=3, fail_fast=False)
        terminal.read(until=lambda t: re.search(
            r"(?m)^waiting +trial \d rests until \d\d:\d\d:\d\d after failure \d: exited", t.text))
        terminal.finish(1)

    # ---- Calm ----

    def check_calm(self, terminal):
        self.assertGreater(terminal.redraws, 1)
        # The first one comes at once, the last one whenever the end comes.
        self.assertLessEqual(terminal.redraws, 4 * terminal.seconds + 2)

    def test_calm(self):
        terminal = self.terminal(script="""i=0; while [ $i -lt 200 ]; do i=$((i + 1));
            echo "{\\"loss\\": $i}"; done; sleep 1""", config={"x": 1}, num_samples=4)
        self.check_calm(terminal.finish(0))

    def test_nothing_new_is_not_drawn(self):
        """Between two seconds nothing changes: the terminal is left alone."""
        terminal = self.terminal(script="echo '{\"loss\": 1}'; sleep 3",
                                 reporter={"metric_columns": []}, config={"x": 1})
        terminal.finish(0)
        self.assertLessEqual(terminal.redraws, 2 * terminal.seconds + 3)

    # ---- Lines of trials ----

    def test_lines_of_trials_stand_above_the_block(self):
        terminal = self.terminal(
            script="""i=0; while [ $i -lt 40 ]; do i=$((i + 1)); echo "line $i"; sleep 0.02; done
                      echo "{\\"loss\\": $1}" """, log_to_file=False, max_concurrent_trials=3,
            config={"x": {"$grid_search": [3, 1, 2]}})
        terminal.finish(0, each=self.check_block)
        for number in range(1, 41):
            lines = [line for line in terminal.all_lines
                     if re.search(r"line %d$" % number, line)]
            self.assertEqual(len(lines), 3, lines)
            for line in lines:
                self.assertRegex(line, r"^\(sh_\w+\) line \d+$")
        self.check_calm(terminal)
        # Nothing is erased above what is written then: tmux would keep a copy.
        self.assertNotRegex(terminal.output.decode(), r"\x1b\[\d+A\r\x1b\[J")

    def test_a_flood_of_lines(self):
        """No line is lost, and the block is drawn no more often for it."""
        terminal = self.terminal(
            script="""i=0; while [ $i -lt 6000 ]; do i=$((i + 1)); echo "flood line $i"; done
                      echo "{\\"loss\\": $1}" """, log_to_file=False, config={"x": 1})
        terminal.finish(0)
        self.assertLessEqual(terminal.redraws, 8 * terminal.seconds + 2)
        self.assertEqual(re.findall(r"\) flood line (\d+)", terminal.plain),
                         [str(i) for i in range(1, 6001)])

    def test_a_line_without_its_end(self):
        terminal = self.terminal(script="printf 'no end'; sleep 0.6; printf '\\033[2J\\007';"
                                        "sleep 0.3; echo; echo \"{\\\"loss\\\": $1}\"",
                                 log_to_file=False)
        terminal.finish(0, each=self.check_block)
        lines = [line for line in terminal.all_lines if "no end" in line]
        self.assertEqual(len(lines), 6)
        for line in lines:
            self.assertRegex(line, r"^\(sh_\w+\) no end\\x07$")

    # ---- What the terminal can take ----

    def test_resizing(self):
        """The next block has the new width, and no more lines than there are."""
        terminal = self.terminal(150, 40, max_concurrent_trials=1)
        terminal.read(until=lambda t: re.search(r"(?m)^ *# .*other$", t.text))
        before = len(terminal.output)
        terminal.resize(60, 12)
        terminal.read(until=lambda t: t.output.count(b"\x1b[J", before) >= 2)
        begin = terminal.output.index(b"\x1b[J", before) + 3
        block = terminal.output[begin:terminal.output.rindex(b"\x1b[J")].decode()
        lines = ESCAPES.sub("", block).replace("\r", "").split("\n")
        self.assertLess(max(len(line) for line in lines), 60)
        self.assertLessEqual(block.count("\n"), 11 * (block.count("e\x1b[0m  ") or 1))
        self.assertRegex("\n".join(lines), r"(?m)^e  running")
        terminal.finish(1)

    def test_size_by_variables(self):
        """COLUMNS and LINES go over what the terminal says."""
        terminal = self.terminal(100, 40, env={"COLUMNS": "50", "LINES": "9"})
        terminal.read(until=lambda t: re.search(r"(?m)^e  running", t.text))
        lines = [line for line in terminal.lines if line]
        self.assertLessEqual(len(lines), 8)
        self.assertLess(max(len(line) for line in lines), 50)
        terminal.finish(1)

    def test_no_colour(self):
        terminal = self.terminal(env={"NO_COLOR": "1"}).finish(1)
        self.assertNotRegex(terminal.output.decode(), r"\x1b\[[0-9;]*m")
        self.assertGreater(terminal.redraws, 0)

    def test_colour(self):
        self.assertRegex(self.terminal().finish(1).output.decode(), r"\x1b\[[0-9;]*m")

    def test_no_utf8(self):
        terminal = self.terminal(env={"LC_ALL": "C", "LANG": "C"}).finish(1)
        self.assertRegex(terminal.plain, r"(?m)^#+\.+ +\d+ %")
        self.assertTrue(all(byte < 0x80 for byte in terminal.output))

    def test_dumb(self):
        """Plain lines, as in a pipe."""
        terminal = self.terminal(env={"TERM": "dumb"}).finish(1)
        self.assertNotIn(b"\x1b", terminal.output)
        self.assertRegex(terminal.plain, r"(?m)^e: \d/6 trials ended")
        self.assertEqual(terminal.redraws, 0)


if __name__ == "__main__":
    main()
