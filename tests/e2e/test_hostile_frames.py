#!/usr/bin/python3
# SPDX-License-Identifier: LGPL-2.1-or-later
"""The worker protocol, spoken wrongly: by a program over PEGBOX_SOCKET, and by a trainable that
writes to its worker's own channel. The trial fails with one clear line and keeps what it reported,
or what it said is ignored; the other trials run."""
import json

from pegbox_test import PegboxTest, main, python

# A program that speaks the protocol; argv: which trial this is.
SPEAKS = """import json, os, socket, struct, sys, time
def connect():
    link = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    link.connect(os.environ["PEGBOX_SOCKET"].split(":", 1)[1])
    return link
def put(link, data):
    try:
        link.sendall(data)
    except OSError:
        pass
def frame(message, length=None, blob=b""):
    text = message if isinstance(message, bytes) else json.dumps(message).encode()
    return struct.pack("<II", len(text) if length is None else length, len(blob)) + text + blob
def answer(link):
    header = link.recv(8, socket.MSG_WAITALL)
    return json.loads(link.recv(struct.unpack("<II", header)[0], socket.MSG_WAITALL))
HELLO = frame({"type": "hello", "protocol": 1})
def report(**fields):
    return frame({"type": "report", "fields": fields})
link = connect()
put(link, HELLO)
answer(link)
put(link, report(loss=5))
answer(link)
def hang():
    while True:
        time.sleep(100)
if sys.argv[1] == "1":
"""

# A trainable that reports once and then sends what its option `say` holds: a line is a message,
# or bytes in hexadecimal after "#".
LIAR = r"""#include <pegbox/helpers.h>
#include <unistd.h>

struct pbx_instance {
    pbx_base base;
    const pbx_session *session;
    const char *say;
    int leaves;
};
static const pbx_option options[] = {
    PBX_OPT_STRING("say", "what it sends over its worker's channel", "1.0", "\"\""),
    PBX_OPT_BOOL("leaves", "it ends its process then, or hangs", "1.0", "false")};

static pbx_status
init(pbx_instance *self, const pbx_host *host, const pbx_json *values, pbx_error *error)
{
    const void *session = NULL;
    pbx_status status = pbx_need(host, PBX_SESSION_ID, &session, error);
    self->session = (const pbx_session *)session;
    self->say = pbx_string(host, values, "say");
    self->leaves = pbx_boolean(host, values, "leaves");
    return status;
}

static void
put(const void *bytes, size_t n)
{
    if (write(3, bytes, n) != (ssize_t)n)
        _exit(1);
}

static void
put_line(const char *line, size_t n)
{
    unsigned char header[8] = {0};
    unsigned byte;
    if (n > 0 && line[0] == '#') {
        for (size_t i = 1; i + 1 < n && sscanf(line + i, "%2x", &byte) == 1; i += 2) {
            unsigned char one = (unsigned char)byte;
            put(&one, 1);
        }
        return;
    }
    for (int i = 0; i < 4; i++)
        header[i] = (unsigned char)(n >> (8 * i));
    put(header, sizeof(header));
    put(line, n);
}

static pbx_status
run(pbx_instance *self, pbx_error *error)
{
    const pbx_session_info *info = self->session->info(self->base.host);
    const char *names[1] = {"loss"};
    double value = 5;
    pbx_answer answer = {sizeof(answer), 0, 0, 0};
    pbx_status status =
        self->session->report(self->base.host, names, &value, 1, NULL, 0, &answer, error);
    if (info->trial->trial == 0 || status != PBX_OK)
        return status;
    for (const char *line = self->say; *line != '\0';) {
        size_t n = strcspn(line, "\n");
        put_line(line, n);
        line += n + (line[n] != '\0');
    }
    if (self->leaves)
        _exit(7);
    for (;;)
        pause();
}

PEGBOX_TRAINABLE("liar", "1.0", "Lies to the driver", "MIT", options, 0, init, .run = run);
"""


class HostilePrograms(PegboxTest):
    def both(self, script, counts=(1, 1), error=None):
        """Two trials, the second one speaks wrongly after its first report."""
        experiment = self.run_experiment(
            python(SPEAKS + "    " + script.strip().replace("\n", "\n    "), "{x}"),
            config={"x": {"$grid_search": [0, 1]}}, metric="loss", mode="min",
            expect=1 if error else 0)
        self.assertEqual(experiment.states, ["TERMINATED", "ERROR" if error else "TERMINATED"])
        self.assertEqual(experiment.counts, list(counts))
        self.assertEqual(experiment.results(1)[0]["loss"], 5)
        if error:
            said = experiment.trials[1]["error"]
            self.assertIn(error, said)
            self.assertNotIn("\n", said)
        return experiment

    def test_half_a_frame_and_the_end(self):
        self.both("put(link, report(loss=4) + report(loss=3)[:20])", counts=(1, 2))

    def test_half_a_frame_and_silence(self):
        experiment = self.run_experiment(
            python(SPEAKS + "    put(link, report(loss=3)[:20]); hang()", "{x}"), config={"x": 1},
            metric="loss", mode="min", limits={"report_time_s": 1}, expect=1)
        self.assertEqual(experiment.counts, [1])
        self.assertIn("limits.report_time_s", experiment.trials[0]["error"])

    def test_lengths_that_lie(self):
        for length, blob in ((0xffffffff, 0), (0x80000000, 0), (2, 0xffffffff),
                             (0xffffffff, 0xffffffff), (0, 0), (16 << 20, 1)):
            with self.subTest(length=length, blob=blob):
                self.both("put(link, struct.pack('<II', %d, %d) + b'{}'); hang()" % (length, blob),
                          error="not the worker protocol (at most")

    def test_a_length_that_is_too_small(self):
        self.both("put(link, frame({'type': 'report', 'fields': {'loss': 4}}, length=5)); hang()",
                  error="nonsense came over PEGBOX_SOCKET")

    def test_a_length_that_is_too_large(self):
        self.both("""
text = json.dumps({'type': 'report', 'fields': {'loss': 4}}).encode()
put(link, struct.pack('<II', len(text) + 3, 0) + text + b'###'); hang()""",
                  error="a frame's JSON cannot be read")

    def test_data_behind_the_text(self):
        self.both("put(link, frame({'type': 'report', 'fields': {'loss': 4}}, blob=b'x' * 1000))\n"
                  "answer(link)", counts=(1, 2))

    def test_texts_that_are_no_message(self):
        for text in (b"garbage", b"[1, 2]", b"null", b'{"type"', b"\\0\\0\\0", b"{" * 20000):
            with self.subTest(text=text[:10]):
                self.both("put(link, frame(b'%s')); hang()" % text.decode(),
                          error="nonsense came over PEGBOX_SOCKET: a frame's JSON")

    def test_messages_that_are_no_report(self):
        for message in ({"type": "hello", "protocol": 1}, {"type": "result", "n": 9}, {},
                        {"type": ["report"]}, {"type": "report", "fields": [1]},
                        {"type": "report"}, {"type": "ended", "end": "done"}):
            with self.subTest(message=message):
                self.both("put(link, frame(%r)); hang()" % message,
                          error="a message is no report with fields")

    def test_a_handshake_that_is_none(self):
        for message, error in (({"type": "hello", "protocol": 2}, "a protocol other than 1"),
                               ({"type": "hello"}, "a protocol other than 1"),
                               ({"type": "hello", "protocol": "1"}, "a protocol other than 1"),
                               ({"type": "report", "fields": {"loss": 1}}, "no hello")):
            with self.subTest(message=message):
                self.both("put(connect(), frame(%r)); hang()" % message, error=error)

    def test_a_second_connection(self):
        self.both("""
other = connect()
put(other, HELLO + report(loss=4))
answer(other)
answer(other)
put(link, report(loss=3))
answer(link)""", counts=(1, 3))

    def test_a_thousand_connections(self):
        # What the worker may open is bounded; the reports of the first one stay.
        experiment = self.run_experiment(
            python(SPEAKS + """    import resource
    resource.setrlimit(resource.RLIMIT_NOFILE, (4096, 4096))
    links = [connect() for _ in range(1000)]
    for other in links[::100]:
        put(other, HELLO)
        answer(other)
    put(link, report(loss=4))
    answer(link)""", "{x}"), config={"x": 1}, metric="loss", mode="min")
        self.assertEqual(experiment.counts, [2])

    def test_a_closed_socket_and_life_after_it(self):
        self.both("link.close(); time.sleep(0.2)")

    def test_a_report_after_the_last(self):
        # {"done": true} ends the trial; what follows is answered or not, and dropped.
        self.both("put(link, report(loss=4, done=True) + report(loss=3) + report(loss=2)); hang()",
                  counts=(1, 2))

    def test_a_report_that_is_too_large(self):
        self.both("put(link, report(loss=4, text='x' * (16 << 20))); hang()",
                  error="not the worker protocol (at most")
        self.both("put(link, report(loss=4, text='x' * ((16 << 20) - 100))); hang()",
                  error="at most")

    def test_a_report_that_is_nested(self):
        self.both("put(link, frame(b'{\"type\": \"report\", \"fields\": {\"loss\": ' + "
                  "b'[' * 10000 + b']' * 10000 + b'}}')); hang()", error="nest")


class HostileTrainables(PegboxTest):
    def setUp(self):
        super().setUp()
        source = self.write("liar.c", LIAR)
        self.env["PEGBOX_PLUGIN_PATH"] = self.build_plugin(source, "trainable", "liar")

    def says(self, *lines, error=None):
        """Two trials, the second says this. Without an error its driver does not mind, and hears
        that the worker ends."""
        lines = [line if isinstance(line, str) else json.dumps(line) for line in lines]
        experiment = self.run_experiment(
            {"plugin": "liar", "say": "\n".join(lines), "leaves": error is None},
            config={"x": 1}, metric="loss", mode="min", num_samples=2, max_concurrent_trials=1,
            expect=1)
        self.assertEqual(experiment.states, ["TERMINATED", "ERROR"])
        self.assertIn(error or "its worker ended with status 7", experiment.trials[1]["error"])
        self.assertNotIn("\n", experiment.trials[1]["error"])
        self.assertEqual([r["loss"] for r in experiment.results(0)], [5])
        self.assertEqual(experiment.results(1)[0]["loss"], 5)
        return experiment

    def result(self, n, **more):
        return dict({"type": "result", "trial": 1, "attempt": 1, "n": n, "iteration": n,
                     "fields": {"loss": 4}}, **more)

    def test_the_next_result(self):
        # What the other tests change of it: as it stands it is taken.
        self.assertEqual(self.says(self.result(2)).counts, [1, 2])

    def test_results_out_of_order(self):
        for n in (1, 0, -1, 3, 1 << 62, None, "2"):
            with self.subTest(n=n):
                experiment = self.says(self.result(n), error="out of order")
                self.assertEqual(experiment.counts, [1, 1])

    def test_results_of_others(self):
        experiment = self.says(self.result(2, trial=0), self.result(2, trial=1000),
                               self.result(2, trial=-1), self.result(2, attempt=0),
                               self.result(2, attempt=7))
        self.assertEqual(experiment.counts, [1, 1])

    def test_numbers_that_cannot_be(self):
        experiment = self.says(
            self.result(2, iteration=-(1 << 63), at=-5, time_this_iter_s="NaN",
                        time_total_s="-Infinity", timesteps_total=-7, episodes_total="many"))
        self.assertEqual(experiment.counts, [1, 2])
        self.assertEqual(experiment.results(1)[1]["loss"], 4)

    def test_what_follows_the_end(self):
        ended = {"type": "ended", "trial": 1, "attempt": 1, "end": "done", "reusable": True}
        experiment = self.run_experiment(
            {"plugin": "liar", "say": "\n".join(json.dumps(m) for m in (
                ended, self.result(2), ended))},
            config={"x": 1}, metric="loss", mode="min", num_samples=2, max_concurrent_trials=1)
        self.assertEqual(experiment.states, ["TERMINATED"] * 2)
        self.assertEqual(experiment.counts, [1, 1])

    def test_messages_that_make_no_sense(self):
        for line in ({"type": "result", "trial": 1, "attempt": 1, "n": 2},
                     {"type": "ended", "trial": 1, "attempt": 1, "end": "perhaps"},
                     {"type": "line"}, {"type": "log", "text": 7}, {"no": "type"}):
            with self.subTest(line=line):
                self.says(line, error="makes no sense")
        self.says("[]", error="no object")
        self.says("#ffffffff00000000", error="not the worker protocol")
        self.says('{"type": "result", "fields": ' + "[" * 10000 + "]" * 10000 + "}", error="nest")

    def test_a_frame_that_does_not_end(self):
        self.says("#00010000000000007b")

    def test_words_for_the_terminal(self):
        experiment = self.says({"type": "line", "text": "\x1b[31mred\nsecond"},
                               {"type": "log", "level": 99, "text": "\x1b]0;title\x07\nmore"},
                               {"type": "pid", "trial": 1, "attempt": 1, "pid": -1})
        self.assertNotIn("\x1b", experiment.done.out + experiment.done.err)
        self.assertNotIn("\x07", experiment.done.out + experiment.done.err)


if __name__ == "__main__":
    main()
