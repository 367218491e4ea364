#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""Every search that is installed, alone and in each wrapper, in a run: a seed gives the same trials
wherever the driver is killed, and eight at once are all unlike."""
from pegbox_test import main, sh
from searches_test import LOSS, SearchesTest, of_each_form, unlike

# The driver is killed by these trials: by the odd ones with their result on its way, by the even
# ones before. One of the others fails, one has no finite loss.
KILLERS = "0 3 8 13"
PROGRAM = """kill_driver() { read -r _ _ _ driver _ </proc/$PPID/stat; kill -9 $driver; sleep 1000; }
dies=
case " $4 " in *" $2 "*) mkdir $3.$2 2>/dev/null && dies=1 ;; esac
[ "$dies" ] && [ $(($2 % 2)) = 0 ] && kill_driver
case $2 in 2) exit 3 ;; 4) echo '{"loss": NaN}' ;; *) echo "{\\"loss\\": $1}" ;; esac
[ "$dies" ] && kill_driver
exit 0"""


class EverySearch(SearchesTest):
    @of_each_form
    def test_killed_and_resumed(self, name, search):
        words = (LOSS, "{trial.number}")
        whole = self.ran(name, PROGRAM, words + ("", ""), search, num_samples=16, expect=1)
        mark = "killed%d" % self.started
        path = self.spec(sh(PROGRAM, *words, mark, KILLERS),
                         **self.keys(name, search, num_samples=16, name=mark))
        for _ in KILLERS.split():
            self.pegbox("run", path, "--resume=auto", expect=-9)
        self.pegbox("run", path, "--resume=auto", expect=1)
        killed = self.opened(mark)
        self.assertEqual(killed.configs, whole.configs)
        self.assertEqual([trial["loss"] for trial in killed.trials],
                         [trial["loss"] for trial in whole.trials])
        self.assertEqual(unlike(killed.configs), 16)

    @of_each_form
    def test_eight_at_once(self, name, search):
        experiment = self.ran(name, search=search, num_samples=40, max_concurrent_trials=8)
        self.assertEqual(experiment.states, ["TERMINATED"] * 40)
        self.assertEqual(unlike(experiment.configs), 40)


if __name__ == "__main__":
    main()
