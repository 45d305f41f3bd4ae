"""Files that the operator on one machine keeps and reads."""

import json
import os

import pytest

from drift_operator.atomic_files import replace_file
from drift_operator.breaker import initial_state
from drift_operator.errors import StateFileError
from drift_operator.local.announcements import announcements
from drift_operator.local.state_file import StateFile
from drift_operator.resource.spec import Mode


class TestReplaceFile:
    def test_a_failed_write_leaves_the_old_file_and_nothing_else(self, tmp_path, monkeypatch):
        path = tmp_path / "file"
        replace_file(path, "old")

        def full(_):
            raise OSError(28, "No space left on device")

        monkeypatch.setattr(os, "fsync", full)
        with pytest.raises(OSError, match="No space left"):
            replace_file(path, "new")
        assert path.read_text() == "old"
        assert list(tmp_path.iterdir()) == [path]

    def test_others_can_read_it(self, tmp_path):
        replace_file(tmp_path / "file", "text")
        assert (tmp_path / "file").stat().st_mode & 0o777 == 0o644


class TestStateFile:
    def file(self, path, name="risk"):
        return StateFile(path / "state.json", name=name, namespace="default")

    def test_the_whole_state_comes_back(self, make_bench, tmp_path):
        bench = make_bench().returning()
        self.file(tmp_path).save(bench.state)
        assert self.file(tmp_path).load() == bench.state

    def test_none_yet(self, tmp_path):
        assert self.file(tmp_path).load() is None

    @pytest.mark.parametrize(
        "change",
        [
            {"format": "driftbreaker.dev/breaker-state/v2"},
            {"state": {}},
            {"unknown": 1},
        ],
    )
    def test_what_is_no_state_of_this_version_is_refused(self, tmp_path, change):
        self.file(tmp_path).save(initial_state(1.0, Mode.ENFORCE))
        path = tmp_path / "state.json"
        path.write_text(json.dumps(json.loads(path.read_text()) | change))
        with pytest.raises(StateFileError, match="remove it to start anew"):
            self.file(tmp_path).load()

    def test_another_breakers_state_is_refused(self, tmp_path):
        self.file(tmp_path).save(initial_state(1.0, Mode.ENFORCE))
        with pytest.raises(StateFileError, match="belongs to the DriftBreaker default/risk, not to default/other"):
            self.file(tmp_path, name="other").load()

    def test_a_folder_that_is_not_there_is_named(self, tmp_path):
        with pytest.raises(StateFileError, match="nowhere"):
            self.file(tmp_path / "nowhere").save(initial_state(1.0, Mode.ENFORCE))


class TestAnnouncements:
    def test_holding_is_silent(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        before = bench.state
        decision = bench.see("clear")
        assert announcements(before, bench.state, decision) == []

    def test_a_move_is_one_line(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        before = bench.state
        decision = bench.see("drift")
        ((_, line),) = announcements(before, bench.state, decision)
        assert line.startswith("Trip: traffic on the model moves from 100 % to 0 %, phase Healthy -> Fallback")

    def test_a_condition_that_changes_is_one_line(self, make_bench):
        bench = make_bench()
        bench.see("clear")
        before = bench.state
        decision = bench.see("clear", fallback=False)
        ((_, line),) = announcements(before, bench.state, decision)
        assert line.startswith("FallbackReady True -> False (ProbeFailed)")
