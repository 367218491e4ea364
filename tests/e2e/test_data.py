#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""`data`: files and values that all trials read, in memory once."""
import json
import os
import sqlite3
import struct
import unittest

from pegbox_test import SHORT, PegboxTest, main, python, read_text, sh

try:
    import numpy
except ImportError:
    numpy = None

C_TRAINABLE = r"""
#include <pegbox/helpers.h>
struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *options, pbx_error *error)
{
    const void *session;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    (void)options;
    self->session = (const pbx_session *)session;
    return status;
}

/* The sum of an array of doubles, what is in a file, and what is nowhere. */
static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    static const char *const names[] = {"sum", "n", "rows", "bytes", "first", "again", "empty",
                                        "none"};
    const pbx_host *host = self->base.host;
    double values[8] = {0};
    pbx_npy array;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    size_t size, n;
    const void *bytes = self->session->data(host, "table", &n);
    if (!bytes || pbx_npy_find(bytes, n, &array) != PBX_OK || strcmp(array.type, "<f8") != 0)
        return pbx_fail(error, PBX_EINVAL, "table", "it is no array of doubles");
    for (size_t i = 0; i < array.n; i++)
        values[0] += ((const double *)array.items)[i];
    values[1] = (double)array.n;
    values[2] = (double)array.shape[0];
    bytes = self->session->data(host, "file", &size);
    values[3] = (double)size;
    values[4] = bytes ? ((const unsigned char *)bytes)[0] : -1;
    values[5] = self->session->data(host, "file", &n) == bytes && n == size;
    values[6] = self->session->data(host, "empty", &n) != NULL && n == 0;
    values[7] = self->session->data(host, "no-such", &n) == NULL && n == 0;
    return self->session->report(host, names, values, 8, NULL, 0, &answer, error);
}

PEGBOX_TRAINABLE("reader", "1.0", "Reads data", "MIT", PEGBOX_NO_OPTIONS, PBX_TRAINABLE_MANY_RUNS,
                 init, .run = run);
"""

# Touches all of "big", waits until all four have, reports what of it is this process's own part.
SHARER = """
import os, time
import pegbox

view = pegbox.data("big")
total = sum(view[i] for i in range(0, len(view), 4096))
number = pegbox.config()["i"]

def meet(name):
    open(os.environ["MEET"] + "/%s-%d" % (name, number), "w").close()
    while sum(os.path.exists(os.environ["MEET"] + "/%s-%d" % (name, i)) for i in range(4)) < 4:
        time.sleep(0.05)

meet("touched")
pss = rss = 0
ours = False
for line in open("/proc/self/smaps"):
    if "-" in line.split()[0]:
        ours = line.rstrip().endswith("/big.bin")
    elif ours and line.startswith(("Pss:", "Rss:")):
        size = int(line.split()[1]) * 1024
        pss, rss = (pss + size, rss) if line.startswith("Pss:") else (pss, rss + size)
pegbox.report(pss=pss, rss=rss, total=total, writable=not view.readonly)
meet("read")
"""


class Data(PegboxTest):
    def file(self, name, data):
        path = os.path.join(self.dir, name)
        with open(path, "wb") as file:
            file.write(data)
        return path

    def result(self, experiment, trial=0):
        return experiment.results(trial)[-1]


class Programs(Data):
    def test_variables_name_the_files(self):
        self.file("train.csv", b"1,2\n")
        experiment = self.run_experiment(
            sh("""echo "{\\"a\\": \\"$PEGBOX_DATA_TRAIN_SET\\", \\"b\\": \\"$PEGBOX_DATA_B\\","""
               """ \\"n\\": 1}"; cat "$PEGBOX_DATA_TRAIN_SET" "$PEGBOX_DATA_B" >&2"""),
            data={"train-set": "train.csv", "b": {"key": ["x", 1]}})
        result = self.result(experiment)
        self.assertEqual(result["a"], os.path.join(self.dir, "train.csv"))
        self.assertEqual(result["b"], os.path.join(experiment.path, "data", "b.json"))
        self.assertEqual(experiment.read(0, "stderr"), '1,2\n{"key":["x",1]}')

    def test_python(self):
        self.file("raw.bin", struct.pack("<4f", 1, 2, 3, 4))
        experiment = self.run_experiment(python("""
import json
import pegbox
table, ints, raw = pegbox.data("table"), pegbox.data("ints"), pegbox.data("raw")
assert pegbox.data("table") is table and table.readonly and raw.readonly
try:
    pegbox.data("other")
except LookupError as error:
    missing = str(error)
pegbox.report(table=table.tolist(), shape=list(table.shape), ints=ints.tolist(),
              format=table.format + ints.format, raw=raw.cast("f").tolist(), missing=missing,
              words=json.loads(bytes(pegbox.data("words"))), empty=pegbox.data("empty").tolist(),
              ragged=json.loads(bytes(pegbox.data("ragged"))))
"""), data={"table": [[1, 2.5], [3, 4], [5, -1e300]], "ints": [9007199254740993, -1],
            "raw": "raw.bin", "words": {"a": "\u00e4"}, "empty": [], "ragged": [[1], [1, 2]]})
        result = self.result(experiment)
        self.assertEqual(result["table"], [[1, 2.5], [3, 4], [5, -1e300]])
        self.assertEqual((result["shape"], result["format"]), ([3, 2], "dq"))
        self.assertEqual((result["ints"], result["raw"]), ([9007199254740993, -1], [1, 2, 3, 4]))
        self.assertEqual((result["words"], result["empty"]), ({"a": "\u00e4"}, []))
        self.assertEqual(result["ragged"], [[1], [1, 2]])
        for part in ("'other'", "PEGBOX_DATA_OTHER", "EMPTY, INTS, RAGGED, RAW, TABLE, WORDS"):
            self.assertIn(part, result["missing"])

    def test_alone(self):
        path = self.file("x.bin", b"abc")
        script = self.write("alone.py", "import pegbox\nprint(bytes(pegbox.data('x')))\n")
        env = {"PYTHONPATH": self.python_path(), "PEGBOX_DATA_X": path}
        self.assertEqual(self.command(["python3", script], env=env).out, "b'abc'\n")
        env["PEGBOX_DATA_X"] = None
        self.assertIn("there is no data", self.command(["python3", script], env=env, expect=1).err)

    def test_in_the_command_line_of_the_best(self):
        self.file("x y.bin", b"abc")
        experiment = self.run_experiment(
            sh("""echo "{\\"loss\\": 1}"; cat "$PEGBOX_DATA_RAW" "$PEGBOX_DATA_SOME_WORDS" >&2"""),
            metric="loss", mode="min",
            data={"raw": "x y.bin", "some-words": {"a": 1}, "table": [[1, 2]]})
        line = self.pegbox("best", experiment.path, "--command").out
        env = {name: None for name in os.environ if name.startswith("PEGBOX_DATA_")}
        ran = self.command(["sh", "-c", line], env=env, cwd="/")
        self.assertEqual(ran.err, 'abc{"a":1}')
        self.assertIn("PEGBOX_DATA_TABLE=%s/data/table.npy" % experiment.path, line)

    def python_path(self):
        experiment = self.run_experiment(sh("""echo "{\\"p\\": \\"$PYTHONPATH\\", \\"n\\": 1}" """),
                                         name="where")
        return self.result(experiment)["p"]

    @unittest.skipUnless(numpy, "NumPy is not installed")
    def test_numpy_takes_it_without_a_copy(self):
        numpy.save(os.path.join(self.dir, "floats.npy"),
                   numpy.arange(12, dtype="float32").reshape(3, 4))
        numpy.save(os.path.join(self.dir, "columns.npy"),
                   numpy.asfortranarray(numpy.ones((2, 3))))
        numpy.save(os.path.join(self.dir, "many.npy"), numpy.zeros(4, dtype=[("a", "f8"), ("b", "i4")]))
        experiment = self.run_experiment(python("""
import os
import numpy, pegbox
def where(array):
    address = array.__array_interface__["data"][0]
    for line in open("/proc/self/maps"):
        low, high = (int(x, 16) for x in line.split()[0].split("-"))
        if low <= address < high:
            return line.split()[-1].split("/")[-1]
table = numpy.asarray(pegbox.data("table"))
floats = numpy.asarray(pegbox.data("floats"))
raw = numpy.frombuffer(pegbox.data("columns"), dtype="u1")
mapped = numpy.load(os.environ["PEGBOX_DATA_TABLE"], mmap_mode="r")
columns = numpy.load(os.environ["PEGBOX_DATA_COLUMNS"], mmap_mode="r")
assert (mapped == table).all() and mapped.dtype == table.dtype and mapped.shape == table.shape
assert table.ctypes.data % 64 == 0 and not table.flags.writeable
pegbox.report(files=[where(a) for a in (table, floats, raw)], shape=list(floats.shape),
              sums=[float(a.sum()) for a in (table, floats, columns)],
              types=[str(table.dtype), str(floats.dtype)],
              many=len(pegbox.data("many")) == os.path.getsize(os.environ["PEGBOX_DATA_MANY"]))
"""), data={"table": [[[1.5, 2], [3, 4]]], "floats": "floats.npy", "columns": "columns.npy",
            "many": "many.npy"})
        result = self.result(experiment)
        self.assertEqual(result["files"], ["table.npy", "floats.npy", "columns.npy"])
        self.assertEqual(result["types"], ["float64", "float32"])
        self.assertEqual((result["shape"], result["sums"]), ([3, 4], [10.5, 66, 6]))
        self.assertTrue(result["many"])

    def test_is_in_memory_once(self):
        size = (32 if SHORT else 256) << 20
        with open(os.path.join(self.dir, "big.bin"), "wb") as file:
            for _ in range(size >> 20):
                file.write(b"\1" * (1 << 20))
        os.mkdir(os.path.join(self.dir, "meet"))
        experiment = self.run_experiment(
            python(SHARER), data={"big": "big.bin"}, env={"MEET": self.dir + "/meet"},
            config={"i": {"$grid_search": [0, 1, 2, 3]}}, resources={"cpu": 0.25},
            max_concurrent_trials=4)
        results = [self.result(experiment, i) for i in range(4)]
        self.assertEqual({result["total"] for result in results}, {size >> 12})
        for result in results:
            self.assertEqual((result["rss"], result["writable"]), (size, False))
        # Each of the four has a fourth of every page.
        self.assertLess(abs(sum(result["pss"] for result in results) - size), size / 50)


class Trainables(Data):
    DATA = {"table": [[1, 2, 3], [4, 5, 6.5]], "file": "file.bin", "empty": "empty.bin"}

    def test_session(self):
        self.file("file.bin", b"\xff" * 5000)
        self.file("empty.bin", b"")
        source = self.write("reader.c", C_TRAINABLE)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "trainable", "reader")
        for words in ((), ("--local",)):
            experiment = self.run_experiment("reader", words, data=self.DATA, num_samples=2)
            for trial in (0, 1):
                result = self.result(experiment, trial)
                self.assertEqual([result[key] for key in ("sum", "n", "rows", "bytes", "first",
                                                          "again", "empty", "none")],
                                 [21.5, 6, 2, 5000, 255, 1, 1, 1])


class Files(Data):
    def run_again(self, experiment, name):
        done = self.pegbox("run", os.path.join(experiment.path, "experiment.json"), "--name", name)
        return self.opened(name, done)

    def test_experiment_json_names_them_absolutely(self):
        self.file("a.bin", b"abc")
        program = sh("""echo "{\\"n\\": $(cat "$PEGBOX_DATA_A" "$PEGBOX_DATA_B" | wc -c)}" """)
        experiment = self.run_experiment(program, data={"a": "a.bin", "b": [1, 2]})
        spec = json.loads(read_text(os.path.join(experiment.path, "experiment.json")))
        self.assertEqual(spec["data"], {"a": os.path.join(self.dir, "a.bin"), "b": [1, 2]})
        again = self.run_again(experiment, "again")
        self.assertEqual(self.result(again)["n"], self.result(experiment)["n"])
        with open(os.path.join(again.path, "data", "b.npy"), "rb") as file:
            content = file.read()
        self.assertEqual(content[:6], b"\x93NUMPY")
        self.assertEqual((len(content) - 16) % 64, 0)
        self.assertEqual(content[-16:], struct.pack("<2q", 1, 2))
        with sqlite3.connect(experiment.path + "/experiment.db") as db:
            fact, = db.execute("SELECT value FROM fact WHERE key = 'data'").fetchone()
        known = json.loads(fact)
        self.assertEqual(list(known), ["a"])
        self.assertEqual(known["a"]["size"], 3)
        self.assertEqual(known["a"]["mtime_ns"], os.stat(self.dir + "/a.bin").st_mtime_ns)

    def test_paths_of_a_file_that_is_extended(self):
        self.write("base/base.json", json.dumps({"trainable": sh(
            """echo "{\\"n\\": $(cat "$PEGBOX_DATA_A" "$PEGBOX_DATA_B" | wc -c)}" """),
            "data": {"a": "a.bin"}}))
        self.file("base/a.bin", b"abc")
        self.file("b.bin", b"defgh")
        experiment = self.run_experiment(extends="base/base.json", data={"b": "b.bin"})
        self.assertEqual(self.result(experiment)["n"], 8)

    def test_resume_knows_them_again(self):
        path = self.file("a.bin", b"abc")
        program = sh("""echo "{\\"n\\": $(cat "$PEGBOX_DATA_A" "$PEGBOX_DATA_B" | wc -c)}" """)
        self.run_experiment(program, name="e", data={"a": "a.bin", "b": [1, 2]}, num_samples=1)

        def resume(n, expect=0):
            return self.pegbox("resume", "e", "--set", "num_samples=%d" % n, expect=expect)
        self.assertNotIn("data.a", resume(2).err)
        self.file("a.bin", b"abcdefgh")
        os.utime(path, (1, 1))
        err = resume(3).err
        self.assertIn("data.a: %s is not what it was for the trials so far: 3 bytes of " % path, err)
        self.assertRegex(err, r", 8 bytes of \d{4}-\d\d-\d\d \d\d:\d\d:\d\d now")
        os.utime(path, (2, 2))
        self.assertIn("8 bytes of", resume(4).err)
        self.assertNotIn("data.a", resume(5).err)
        results = [self.result(self.opened("e"), i)["n"] for i in range(5)]
        self.assertEqual([n - results[0] for n in results], [0, 0, 5, 5, 5])
        os.remove(path)
        self.assertIn("data.a: there is no file " + path, resume(6, expect=2).err)

    def test_a_value_that_was_damaged(self):
        """Its file is what the spec says whenever trials are started."""
        program = sh("""echo "{\\"n\\": $(cksum <"$PEGBOX_DATA_B" | cut -d' ' -f1)}" """)
        e = self.run_experiment(program, name="e", data={"b": [1, 2]}, num_samples=1)
        path = os.path.join(e.path, "data", "b.npy")
        with open(path, "r+b") as file:
            file.seek(-1, os.SEEK_END)
            file.write(b"x")
        self.pegbox("resume", "e", "--set", "num_samples=2")
        os.remove(path)
        self.pegbox("resume", "e", "--set", "num_samples=3")
        self.assertEqual(len({self.result(self.opened("e"), i)["n"] for i in range(3)}), 1)

    def test_mistakes_have_their_place(self):
        os.mkfifo(os.path.join(self.dir, "pipe"))
        locked = self.file("locked", b"")
        os.chmod(locked, 0)
        self.file("good", b"")

        def refused(data, *messages):
            self.refused({"trainable": sh(":"), "data": data}, *messages)
        refused({"a": "no/such.bin"}, "data.a: there is no file " + self.dir + "/no/such.bin")
        refused({"a": "."}, "data.a: %s is a directory; name a file" % self.dir)
        refused({"a": "pipe"}, "data.a: %s/pipe is no regular file" % self.dir)
        refused({"a": ""}, "data.a: must not be empty")
        refused({"a": 3, "b": True, "c": None}, "data.a: needs a string, an array or an object",
                "data.b: needs a string", "data.c: needs a string")
        refused({"": "good"}, 'data."": the name must not be empty')
        refused({"../x": [1]}, "a name has up to 64 letters, digits")
        refused({".hidden": [1]}, "begins with a letter or digit")
        refused({"a-b": "good", "A_B": "good"}, "PEGBOX_DATA_A_B")
        refused(["good"], "data: needs an object")
        if os.geteuid() != 0:
            refused({"a": "locked"}, "data.a: %s: Permission denied" % locked)


if __name__ == "__main__":
    main()
