#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""What `run` shows: a block that is redrawn on a terminal, plain lines in a pipe."""
import os
import pty
import re
import subprocess

from pegbox_test import PEGBOX, SLOW, PegboxTest, main, sh

REPORT = """echo "{\\"loss\\": $1}"; sleep 0.3"""


class Screen(PegboxTest):
    def run_on_terminal(self, env=None, script=REPORT, **keys):
        path = self.spec(sh(script, "{x}"), name="e", metric="loss", mode="min",
                         config={"x": {"$grid_search": [3, 1, 2]}}, **keys)
        main_end, other_end = pty.openpty()
        process = subprocess.Popen([PEGBOX, "run", path], stdin=other_end, stdout=other_end,
                                   stderr=other_end, cwd=self.dir, close_fds=True,
                                   env=self.environment(dict({"TERM": "xterm"}, **(env or {}))))
        self.addCleanup(process.wait)
        os.close(other_end)
        output = b""
        while True:
            try:
                data = os.read(main_end, 65536)
            except OSError:
                break
            if not data:
                break
            output += data
        os.close(main_end)
        self.assertEqual(process.wait(60 * SLOW), 0)
        return output.decode()

    def test_pipe(self):
        experiment = self.run_experiment(sh(REPORT, "{x}"), metric="loss", mode="min",
                                         config={"x": {"$grid_search": [3, 1, 2]}})
        text = experiment.done.out + experiment.done.err
        self.assertNotIn("\x1b", text)
        self.assertNotIn("\r", text)
        self.check_end(text)

    def check_end(self, text):
        # The end: the best trial, its configuration, and the command to look further.
        tail = "\n".join(text.splitlines()[-15:])
        self.assertRegex(tail, r"\bx\b.*1")
        self.assertIn("pegbox ", tail)

    def test_terminal(self):
        text = self.run_on_terminal()
        self.assertIn("\x1b[", text)
        self.check_end(re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).replace("\r", ""))
        # The terminal is left as it was: whatever was hidden is shown again.
        self.assertEqual(text.count("\x1b[?25l"), text.count("\x1b[?25h"))

    def test_lines_of_trials_stand_above_the_block(self):
        text = self.run_on_terminal(
            script="""i=0; while [ $i -lt 40 ]; do i=$((i + 1)); echo "line $i"; sleep 0.05; done
                      echo "{\\"loss\\": $1}" """, log_to_file=False, max_concurrent_trials=3)
        for number in range(1, 41):
            self.assertEqual(len(re.findall(r" line %d(\x1b\[K)?\r\n" % number, text)), 3)
        # After each piece of lines the block is drawn again; it is calm all the same.
        pieces = re.findall(r" line \d+\x1b\[K\r\n(?!\()(.*)", text)
        self.assertLess(len(pieces), 60)
        for line in pieces:
            self.assertIn("e: ", line)
        # Nothing is erased above what is written then: tmux would keep a copy.
        self.assertNotRegex(text, r"\x1b\[\d+A\r\x1b\[J")

    def test_no_colour(self):
        text = self.run_on_terminal({"NO_COLOR": "1"})
        self.assertNotRegex(text, r"\x1b\[[0-9;]*m")

    def test_closed_output(self):
        # `pegbox run | head -1` tunes on, or ends as a program does whose reader is gone.
        path = self.spec(sh(REPORT, "1"), name="e", metric="loss", mode="min", num_samples=3)
        done = self.command(["sh", "-c", '"%s" run "%s" | head -n 1' % (PEGBOX, path)])
        self.assertEqual(done.status, 0)


if __name__ == "__main__":
    main()
