import json

import pytest
from click.testing import CliRunner

from drift_operator.breaker import decide
from drift_operator.cli import main
from drift_operator.errors import RecordingError
from drift_operator.recording import EvidenceLine, Recorder, SpecLine, StartLine, read_recording
from drift_operator.replay import replay


@pytest.fixture
def recording(make_bench, tmp_path):
    """A recording with a trip, an edit of the spec and a return."""
    bench = make_bench()
    path = tmp_path / "evidence.jsonl"
    recorder = Recorder(path)
    recorder.append(StartLine(name="risk", namespace="default", spec=bench.spec, state=bench.state))
    for windows, after in ((["clear"], 10), (["drift"], 10), (["clear", "clear"], 100)):
        bench.see(*windows, after=after)
        recorder.append(EvidenceLine(evidence=bench.evidence(), decision=bench.decision))
    bench.edit(recover={"steps": [100], "stepDuration": "1s"})
    recorder.append(SpecLine(spec=bench.spec))
    bench.see("clear")
    recorder.append(EvidenceLine(evidence=bench.evidence(), decision=bench.decision))
    recorder.close()
    assert [switch.to_side for switch in bench.state.switches] == ["fallback", "model"]
    return path


def edit_line(path, number, change):
    lines = path.read_text().splitlines(keepends=True)
    line = json.loads(lines[number - 1])
    change(line)
    lines[number - 1] = json.dumps(line) + "\n"
    path.write_text("".join(lines))


def run(*arguments):
    return CliRunner().invoke(main, ["replay", *map(str, arguments)])


class TestReplay:
    def test_the_same_decisions_and_switches(self, recording):
        done = run(recording, "--json")
        assert done.exit_code == 0
        report = json.loads(done.output)
        assert (report["decisions"], report["differences"]) == (4, [])
        assert [(one["from"], one["to"], one["reason"], one["sequence"]) for one in report["switches"]] == [
            ("model", "fallback", "DriftConfirmed", 2),
            ("fallback", "model", "ClearConfirmed", 5),
        ]

    def test_plain_text_names_the_switches(self, recording):
        done = run(recording)
        assert "4 decisions, 2 switches" in done.output
        assert "window 2: model -> fallback DriftConfirmed" in done.output

    def test_another_decision_is_exit_code_1_with_its_line(self, recording):
        edit_line(recording, 3, lambda line: line["decision"].update(kind="Hold", reason="Clear"))
        done = run(recording)
        assert done.exit_code == 1
        assert "line 3: recorded Hold (Clear), replayed Trip (DriftConfirmed)" in done.output
        report = json.loads(run(recording, "--json").output)
        assert [difference["line"] for difference in report["differences"]] == [3]

    def test_other_evidence_gives_another_decision(self, recording):
        edit_line(recording, 3, lambda line: line["evidence"]["signal"].update(verdict="undecided"))
        assert run(recording).exit_code == 1

    def test_switches_made_but_not_recorded_before_a_kill_are_not_lost(self, make_bench):
        bench = make_bench()
        start = StartLine(name="risk", namespace="default", spec=bench.spec, state=bench.state)
        bench.tripped()
        again = StartLine(name="risk", namespace="default", spec=bench.spec, state=bench.state)
        state, decision = decide(bench.state, bench.evidence(), bench.spec)
        assert state == bench.state
        lines = [start, again, EvidenceLine(evidence=bench.evidence(), decision=decision), again]
        report = replay(enumerate(lines, start=1))
        assert (len(report.switches), report.differences) == (1, ())


class TestBadRecordings:
    @pytest.mark.parametrize(
        ("content", "says"),
        [
            ("", "is empty"),
            ("not json\n", "line 1: not a recording's line"),
            ('{"kind": "spec"}\n', "line 1: not a recording's line: spec.spec: Field required"),
            ('{"kind": "weather"}\n', "line 1: not a recording's line"),
        ],
    )
    def test_exit_code_2_and_the_place(self, tmp_path, content, says):
        path = tmp_path / "broken.jsonl"
        path.write_text(content)
        done = run(path)
        assert done.exit_code == 2
        assert says in done.stderr

    def test_a_file_that_is_not_there(self, tmp_path):
        done = run(tmp_path / "nothing.jsonl")
        assert (done.exit_code, "No such file" in done.stderr) == (2, True)

    def test_evidence_before_the_start(self, recording):
        lines = recording.read_text().splitlines(keepends=True)
        recording.write_text("".join(lines[1:]))
        with pytest.raises(RecordingError, match="begins with a line of kind 'start'"):
            list(read_recording(recording))


class TestCutLine:
    def test_reading_leaves_it_out(self, recording):
        whole = list(read_recording(recording))
        recording.write_bytes(recording.read_bytes()[:-20])
        assert list(read_recording(recording)) == whole[:-1]

    def test_appending_removes_it(self, recording):
        whole = list(read_recording(recording))
        recording.write_bytes(recording.read_bytes()[:-20])
        recorder = Recorder(recording)
        recorder.append(whole[-1][1])
        recorder.close()
        assert list(read_recording(recording)) == whole

    def test_a_recording_that_cannot_be_written_is_named(self, tmp_path):
        with pytest.raises(RecordingError, match="cannot be written"):
            Recorder(tmp_path / "nowhere" / "evidence.jsonl")
