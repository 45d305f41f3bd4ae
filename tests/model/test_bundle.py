import hashlib
import json
import shutil
import zipfile

import numpy as np
import pytest
import skops.io
from sklearn.pipeline import Pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler

from insurance_risk.bundle import TRUSTED_TYPES, read_bundle, write_bundle
from insurance_risk.errors import BundleError


@pytest.fixture
def copied(bundle_directory, tmp_path):
    """A copy of the bundle, to be spoilt."""
    return shutil.copytree(bundle_directory, tmp_path / "copy")


def put_model(folder, model):
    """Replace the model by another one, with its digest recorded as if it belonged there."""
    skops.io.dump(model, folder / "model.skops")
    record = json.loads((folder / "bundle.json").read_text())
    digest = hashlib.sha256((folder / "model.skops").read_bytes()).hexdigest()
    record["files"]["model.skops"] = f"sha256:{digest}"
    (folder / "bundle.json").write_text(json.dumps(record))


class TestReading:
    def test_gives_back_the_model_that_was_written(self, bundle, trained, matrix):
        np.testing.assert_array_equal(bundle.pipeline.predict_proba(matrix), trained.pipeline.predict_proba(matrix))
        assert bundle.profile.digest == trained.profile["digest"] == bundle.manifest.profile_digest
        assert bundle.gates["passed"] is True

    def test_records_what_it_was_made_of(self, bundle_directory):
        record = json.loads((bundle_directory / "bundle.json").read_text())
        assert record["format"] == "driftbreaker.dev/bundle/v1"
        assert record["train_rows"] == 1200
        assert set(record["versions"]) == {"scikit-learn", "skops", "numpy"}
        for name, digest in record["files"].items():
            assert digest == "sha256:" + hashlib.sha256((bundle_directory / name).read_bytes()).hexdigest()
        assert {path.name for path in bundle_directory.iterdir()} == {*record["files"], "bundle.json"}

    @pytest.mark.parametrize("name", ["model.skops", "profile.json", "gates.json"])
    def test_one_altered_byte_is_found_and_the_file_named(self, copied, name):
        content = bytearray((copied / name).read_bytes())
        content[len(content) // 2] ^= 1
        (copied / name).write_bytes(content)
        with pytest.raises(BundleError, match=rf"{name} was altered"):
            read_bundle(copied)

    @pytest.mark.parametrize("name", ["model.skops", "profile.json", "gates.json", "bundle.json"])
    def test_a_missing_file_is_named(self, copied, name):
        (copied / name).unlink()
        with pytest.raises(BundleError, match=name):
            read_bundle(copied)

    def test_an_unrecorded_digest_is_refused(self, copied):
        record = json.loads((copied / "bundle.json").read_text())
        del record["files"]["model.skops"]
        (copied / "bundle.json").write_text(json.dumps(record))
        with pytest.raises(BundleError, match=r"no digest of model\.skops"):
            read_bundle(copied)

    def test_a_malformed_record_names_its_field(self, copied):
        (copied / "bundle.json").write_text('{"format": "something else"}')
        with pytest.raises(BundleError, match="format"):
            read_bundle(copied)

    def test_a_profile_of_another_bundle_is_refused(self, copied):
        record = json.loads((copied / "bundle.json").read_text())
        record["profile_digest"] = "sha256:" + "0" * 64
        (copied / "bundle.json").write_text(json.dumps(record))
        with pytest.raises(BundleError, match="belongs to the profile"):
            read_bundle(copied)


class TestTrust:
    def test_the_model_needs_exactly_the_listed_types_and_no_pickle(self, bundle_directory):
        assert skops.io.get_untrusted_types(file=bundle_directory / "model.skops") == list(TRUSTED_TYPES)
        with zipfile.ZipFile(bundle_directory / "model.skops") as archive:
            assert all(name == "schema.json" or name.endswith(".npy") for name in archive.namelist())

    def test_a_model_with_a_foreign_type_is_not_loaded(self, copied):
        put_model(copied, Pipeline([("call", FunctionTransformer(func=shutil.rmtree))]))
        with pytest.raises(BundleError, match=r"not trusted.*rmtree"):
            read_bundle(copied)

    def test_a_model_that_is_no_pipeline_is_refused(self, copied):
        put_model(copied, StandardScaler())
        with pytest.raises(BundleError, match="StandardScaler"):
            read_bundle(copied)


class TestWriting:
    def test_replaces_an_earlier_bundle_and_leaves_nothing_beside_it(self, trained, copied):
        (copied / "left over").write_text("")
        write_bundle(trained, copied, source="again", seed=3)
        assert read_bundle(copied).manifest.source == "again"
        assert not (copied / "left over").exists()
        assert [path.name for path in copied.parent.iterdir()] == [copied.name]

    def test_something_that_is_no_bundle_is_left_alone(self, trained, tmp_path):
        (tmp_path / "notes").mkdir()
        (tmp_path / "notes" / "diary").write_text("dear diary")
        for place in (tmp_path / "notes", tmp_path / "notes" / "diary"):
            with pytest.raises(BundleError, match="is no bundle"):
                write_bundle(trained, place, source="", seed=0)
        assert (tmp_path / "notes" / "diary").read_text() == "dear diary"

    def test_a_failed_write_leaves_the_earlier_bundle_and_no_temporary_folder(self, trained, copied, monkeypatch):
        monkeypatch.setattr(skops.io, "dump", lambda *_: (_ for _ in ()).throw(OSError(28, "No space left", "x")))
        with pytest.raises(BundleError, match="No space left"):
            write_bundle(trained, copied, source="again", seed=3)
        assert read_bundle(copied).manifest.seed == 0
        assert [path.name for path in copied.parent.iterdir()] == [copied.name]
