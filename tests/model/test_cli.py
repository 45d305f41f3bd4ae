import csv
import json
import shutil
import subprocess
import sys

import pytest
from click.testing import CliRunner

from insurance_risk import training
from insurance_risk.bundle import read_bundle
from insurance_risk.cli import main
from insurance_risk.training import Candidate


def invoke(*arguments):
    return CliRunner().invoke(main, [str(argument) for argument in arguments])


@pytest.fixture
def weak_candidates(monkeypatch):
    """Only a candidate that cannot pass."""
    monkeypatch.setattr(training.train, "__kwdefaults__", {"candidates": (Candidate((1,), 500.0),)})


class TestTrain:
    def test_historic_rows_give_a_bundle_and_exit_code_0(self, data_directory, tmp_path):
        result = invoke("train", "--data", data_directory, "--out", tmp_path / "bundle")
        assert result.exit_code == 0
        assert "All 11 gates passed." in result.output
        assert read_bundle(tmp_path / "bundle").manifest.train_rows == 1200

    def test_months_are_split_80_20_and_all_their_rows_are_the_reference(self, data_directory, dataset, tmp_path):
        result = invoke("train", "--data", data_directory, "--out", tmp_path / "bundle", "--months", "2,3,4", "--json")
        assert result.exit_code == 0
        content = json.loads(result.output)
        assert content["passed"] is True
        bundle = read_bundle(tmp_path / "bundle")
        assert (bundle.manifest.train_rows, bundle.manifest.test_rows) == (3600, 900)
        assert content["profile_digest"] == bundle.profile.digest
        ages = [age for month in (2, 3, 4) for age in dataset.read_month(month)["age"].tolist()]
        assert bundle.profile.rows["age"] == ages

    @pytest.mark.usefixtures("weak_candidates")
    def test_a_failed_gate_is_named_with_exit_code_1_and_the_bundle_is_there_for_reading(
        self, data_directory, tmp_path
    ):
        result = invoke("train", "--data", data_directory, "--out", tmp_path / "bundle")
        assert result.exit_code == 1
        assert "failed the gates accuracy_train, accuracy_test" in result.stderr
        bundle = read_bundle(tmp_path / "bundle")
        assert bundle.gates["passed"] is False
        assert bundle.manifest.gates_passed is False
        again = invoke("gates", tmp_path / "bundle")
        assert again.exit_code == 1
        assert "FAILED" in again.output

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            (["--months", "3,x"], "not a list of months"),
            (["--months", "3,3"], "repeats a month"),
            (["--months", "4,5"], "no month 5"),
            (["--seed", "-1"], "-1"),
        ],
    )
    def test_bad_usage_has_exit_code_2_and_leaves_nothing(self, data_directory, tmp_path, arguments, reason):
        result = invoke("train", "--data", data_directory, "--out", tmp_path / "bundle", *arguments)
        assert result.exit_code == 2
        assert reason in result.stderr
        assert not list(tmp_path.iterdir())

    def test_a_broken_data_set_has_exit_code_2_and_names_the_file(self, data_directory, tmp_path):
        broken = shutil.copytree(data_directory, tmp_path / "data")
        (broken / "train.csv.gz").unlink()
        result = invoke("train", "--data", broken, "--out", tmp_path / "bundle")
        assert result.exit_code == 2
        assert "train.csv.gz" in result.stderr

    def test_a_place_that_is_taken_is_refused_before_the_training(self, data_directory, tmp_path):
        (tmp_path / "taken").write_text("")
        result = invoke("train", "--data", data_directory, "--out", tmp_path / "taken")
        assert result.exit_code == 2
        assert "is no bundle" in result.stderr


class TestGates:
    def test_prints_the_report_of_a_bundle_again(self, bundle_directory):
        result = invoke("gates", bundle_directory)
        assert result.exit_code == 0
        assert result.output.endswith("All 11 gates passed.\n")
        assert json.loads(invoke("gates", bundle_directory, "--json").output)["passed"] is True

    def test_a_folder_that_is_no_bundle_has_exit_code_2(self, tmp_path):
        result = invoke("gates", tmp_path)
        assert result.exit_code == 2
        assert "bundle.json" in result.stderr


class TestScore:
    def test_writes_a_column_for_each_bundle_and_the_rules(self, data_directory, bundle_directory, tmp_path):
        profile, out = bundle_directory / "profile.json", tmp_path / "new" / "answers.csv"
        named = ("--bundle", f"stale={bundle_directory}", "--bundle", f"fresh={bundle_directory}")
        result = invoke("score", "--data", data_directory, *named, "--rules", profile, "--out", out)
        assert result.exit_code == 0
        with out.open(newline="") as file:
            rows = list(csv.DictReader(file))
        assert list(rows[0]) == ["month", "row", "stale", "fresh", "rules"]
        assert len(rows) == 6000
        assert rows[-1]["month"] == "4"
        assert rows[-1]["row"] == "1499"
        assert {row["rules"] for row in rows} == {"high", "medium", "low"}
        assert all(row["stale"] == row["fresh"] for row in rows)

    @pytest.mark.parametrize(
        ("arguments", "reason"),
        [
            ([], "nobody to answer"),
            (["--bundle", "no-directory"], "NAME=DIR"),
            (["--bundle", "rules=x"], "is taken"),
            (["--bundle", "a=x", "--bundle", "a=y"], "same name"),
            (["--bundle", "a=absent"], "absent"),
            (["--rules", "absent.json"], "absent.json"),
        ],
    )
    def test_bad_usage_has_exit_code_2(self, data_directory, tmp_path, arguments, reason):
        result = invoke("score", "--data", data_directory, "--out", tmp_path / "answers.csv", *arguments)
        assert result.exit_code == 2
        assert reason in result.stderr


class TestHelp:
    @pytest.mark.parametrize("command", ["train", "gates", "score", "serve-model", "serve-rules"])
    def test_every_command_shows_an_example(self, command):
        result = invoke(command, "--help")
        assert result.exit_code == 0
        assert f"insurance-risk {command}" in result.output

    def test_help_imports_no_heavy_library(self):
        program = (
            "import sys; from insurance_risk.cli import main\n"
            "try: main(['serve-model', '--help'])\n"
            "except SystemExit: pass\n"
            "print(sorted({'kserve', 'sklearn', 'pandas', 'numpy'} & set(sys.modules)))"
        )
        finished = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
        assert finished.stdout.splitlines()[-1] == "[]"
