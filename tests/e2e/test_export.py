#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""pegbox export: all results as JSON lines or CSV."""
import csv
import io
import json

from pegbox_test import PegboxTest, main, sh


class Export(PegboxTest):
    def setUp(self):
        super().setUp()
        self.run_experiment(
            sh('for v in $1; do echo "v=$v"; done', "{values}", metrics={"v": "v=(\\S+)"}),
            config={"values": {"$grid_search": ["1 9 3", "5 4"]}},
            metric="v", mode="max", name="first", max_concurrent_trials=1)

    def test_json_lines(self):
        rows = [json.loads(line) for line in self.pegbox("export", "first").out.splitlines()]
        self.assertEqual([(row["trial"], row["v"]) for row in rows],
                         [(0, 1), (0, 9), (0, 3), (1, 5), (1, 4)])
        self.assertEqual(rows[4]["config"], {"values": "5 4"})
        self.assertEqual({row["state"] for row in rows}, {"TERMINATED"})

    def test_csv(self):
        rows = list(csv.DictReader(io.StringIO(self.pegbox("export", "--format", "csv").out)))
        self.assertEqual([(row["trial"], row["v"]) for row in rows],
                         [("0", "1"), ("0", "9"), ("0", "3"), ("1", "5"), ("1", "4")])
        self.assertEqual(rows[0]["config.values"], "1 9 3")

    def test_unknown_format(self):
        self.assertIn("xml", self.pegbox("export", "--format", "xml", expect=2).err)


if __name__ == "__main__":
    main()
