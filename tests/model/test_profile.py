import copy
import hashlib
import json

import pytest

from insurance_risk.errors import ProfileError
from insurance_risk.profile import canonical_digest, load_profile, parse_profile


@pytest.fixture
def content(bundle_directory):
    return json.loads((bundle_directory / "profile.json").read_text())


def signed(content):
    content["digest"] = canonical_digest(content)
    return content


class TestContent:
    def test_has_the_fields_of_the_contract(self, content):
        assert set(content) == {"format", "name", "digest", "features", "classes", "rows", "predictions"}
        assert content["format"] == "driftbreaker.dev/profile/v1"
        assert content["classes"] == ["high", "medium", "low"]
        features = {feature["name"]: feature for feature in content["features"]}
        assert features["age"]["range"] == [10, 149]
        assert features["power"]["range"] == [50, 249]
        assert [name for name, feature in features.items() if feature["range"]] == ["age", "power"]
        assert features["training"]["kind"] == "categorical"
        assert features["training"]["categories"] == [0, 1]

    def test_holds_all_of_month_0_and_the_models_own_answers_on_it(self, content, dataset, bundle):
        reference = dataset.read_reference()
        for name, values in content["rows"].items():
            assert values == reference[name].tolist()
        names = [feature["name"] for feature in content["features"]]
        probabilities = bundle.pipeline.predict_proba(reference[names].to_numpy())
        assert content["predictions"]["confidence"] == probabilities.max(axis=1).tolist()
        assert content["predictions"]["class"] == [content["classes"][k] for k in probabilities.argmax(axis=1)]

    def test_importance_is_the_drop_in_accuracy_with_its_spread(self, content):
        for feature in content["features"]:
            assert 0.05 < feature["importance"] < 0.5
            assert 0 < feature["importance_error"] < 0.05


class TestDigest:
    def test_is_sha256_of_the_canonical_json_without_the_digest(self, content):
        claimed = content.pop("digest")
        text = json.dumps(content, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert claimed == "sha256:" + hashlib.sha256(text.encode()).hexdigest()

    def test_does_not_depend_on_the_order_of_keys(self, content):
        assert canonical_digest(dict(reversed(content.items()))) == content["digest"]

    def test_a_changed_row_is_an_error_that_names_both_digests(self, content):
        content["rows"]["age"][0] += 1
        with pytest.raises(ProfileError) as failure:
            parse_profile(content, source="the profile")
        assert content["digest"] in str(failure.value)
        assert canonical_digest(content) in str(failure.value)


class TestFaults:
    @pytest.mark.parametrize(
        ("spoil", "named"),
        [
            (lambda c: c.pop("classes"), "classes"),
            (lambda c: c.update(extra=1), "extra"),
            (lambda c: c.update(format="driftbreaker.dev/profile/v2"), "format"),
            (lambda c: c["features"][0].update(kind="text"), "features.0.kind"),
            (lambda c: c["features"][0].update(categories=None), "training"),
            (lambda c: c["features"][1].update(categories=[1]), "age"),
            (lambda c: c["features"][1].update(range=[149, 10]), "age"),
            (lambda c: c["features"][1].update(importance="much"), "features.1.importance"),
            (lambda c: c["features"][1].update(name="training"), "repeat"),
            (lambda c: c["rows"].pop("miles"), "columns"),
            (lambda c: c["rows"]["miles"].pop(), "length"),
            (lambda c: c["rows"]["miles"].__setitem__(0, float("nan")), "miles"),
            (lambda c: c["predictions"]["class"].__setitem__(0, "huge"), "huge"),
            (lambda c: c["predictions"]["confidence"].pop(), "length"),
        ],
    )
    def test_the_error_names_the_field(self, content, spoil, named):
        spoiled = copy.deepcopy(content)
        spoil(spoiled)
        with pytest.raises(ProfileError, match=named):
            parse_profile(signed(spoiled), source="the profile")

    def test_a_missing_file_and_one_that_is_no_json_are_named(self, tmp_path):
        with pytest.raises(ProfileError, match=r"absent\.json"):
            load_profile(tmp_path / "absent.json")
        (tmp_path / "broken.json").write_text("{")
        with pytest.raises(ProfileError, match=r"broken\.json is not JSON"):
            load_profile(tmp_path / "broken.json")
        (tmp_path / "list.json").write_text("[]")
        with pytest.raises(ProfileError, match=r"list\.json is not a valid profile"):
            load_profile(tmp_path / "list.json")
