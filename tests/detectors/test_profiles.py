import hashlib
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from drift_detectors.profiles import ProfileError, canonical_digest, load_profile, parse_profile

OTHER_DIGEST = f"sha256:{'0' * 64}"

members = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(allow_nan=False, allow_infinity=False), st.text()),
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(), inner, max_size=3)),
    max_leaves=10,
)


def encode(document):
    return json.dumps(document).encode()


def with_feature(document, index, **changes):
    """The document's features, one of them changed."""
    features = [dict(feature) for feature in document["features"]]
    features[index].update(changes)
    return features


def test_a_valid_profile(make_profile):
    profile = load_profile(make_profile(rows=60))

    assert (profile.name, profile.classes) == ("insurance-risk", ("high", "medium", "low"))
    assert [feature.name for feature in profile.features] == ["age", "miles", "training", "region"]
    assert [feature.is_categorical for feature in profile.features] == [False, False, True, True]
    assert [feature.takes_text for feature in profile.features] == [False, False, False, True]
    assert profile.features[0].range == (10, 149)
    assert profile.features[0].unit == "years"
    assert profile.features[0].importance == 0.31
    assert profile.rows.shape == (60, 4)
    assert profile.rows.dtype == np.float64


def test_rows_keep_numbers_and_encode_categories(make_document):
    document = make_document(rows=60)

    rows = parse_profile(encode(document)).rows

    assert rows[:, 0].tolist() == document["rows"]["age"]
    assert rows[:, 2].tolist() == document["rows"]["training"]
    codes = {"north": 0, "south": 1, "west": 2}
    assert rows[:, 3].tolist() == [codes[region] for region in document["rows"]["region"]]


def test_the_order_of_the_columns_in_the_file_does_not_matter(make_document):
    document = make_document()
    turned = {**document, "rows": dict(reversed(document["rows"].items()))}

    assert parse_profile(encode(turned)).rows.tolist() == parse_profile(encode(document)).rows.tolist()


def test_the_document_is_kept_byte_for_byte(make_profile):
    path = make_profile()

    assert load_profile(path).document == path.read_bytes()


def test_predictions_may_be_missing(make_document):
    assert parse_profile(encode(make_document(predictions=None))).rows.shape == (60, 4)


class TestDigest:
    def test_of_a_known_text(self):
        text = '{"a":[1,2.5,null],"b":{"c":"größer","d":true}}'
        expected = f"sha256:{hashlib.sha256(text.encode('utf-8')).hexdigest()}"

        content = {"b": {"d": True, "c": "größer"}, "digest": OTHER_DIGEST, "a": [1, 2.5, None]}

        assert canonical_digest(content) == expected

    @given(st.dictionaries(st.text(), members, max_size=5))
    def test_does_not_depend_on_order_white_space_or_escapes(self, content):
        turned = json.loads(json.dumps(dict(reversed(content.items())), indent=3, ensure_ascii=True))

        assert canonical_digest(turned) == canonical_digest({**content, "digest": OTHER_DIGEST})

    def test_layout_of_the_file_does_not_matter(self, make_document):
        document = make_document()

        assert parse_profile(json.dumps(document, indent=2).encode()).digest == document["digest"]

    def test_another_number_is_another_digest(self, make_document):
        document = make_document()
        document["rows"]["age"][7] += 0.1

        assert canonical_digest(document) != document["digest"]

    def test_a_mismatch_names_both_digests(self, make_document):
        document = make_document()
        stated = document["digest"]
        document["rows"]["age"][7] += 0.1

        with pytest.raises(ProfileError, match="field 'digest'") as failed:
            parse_profile(encode(document))

        assert stated in str(failed.value)
        assert canonical_digest(document) in str(failed.value)


class TestEveryBrokenFieldIsNamed:
    """The digest fits in each of these, so that the field itself is what is wrong."""

    @pytest.mark.parametrize("name", ["format", "name", "digest", "features", "rows"])
    def test_missing(self, make_document, name):
        document = make_document()
        del document[name]

        with pytest.raises(ProfileError, match=name):
            parse_profile(encode(document))

    @pytest.mark.parametrize(
        ("name", "value"),
        [
            ("format", 1),
            ("format", "driftbreaker.dev/profile/v2"),
            ("name", 7),
            ("features", {}),
            ("features", []),
            ("rows", []),
            ("classes", "high"),
            ("classes", [1, 2]),
            ("predictions", []),
        ],
    )
    def test_of_another_type_or_value(self, make_document, name, value):
        document = {**make_document(), name: value}
        document["digest"] = canonical_digest(document)

        with pytest.raises(ProfileError, match=name):
            parse_profile(encode(document))

    @pytest.mark.parametrize(
        ("index", "changes", "named"),
        [
            (0, {"kind": "ordinal"}, r"features\[.*kind"),
            (0, {"name": 3}, r"features\[.*name"),
            (0, {"range": [1]}, r"features\[.*range"),
            (0, {"range": [100, 10]}, "feature 'age'.*range"),
            (0, {"unit": 3}, r"features\[.*unit"),
            (0, {"importance": "large"}, r"features\[.*importance"),
            (0, {"categories": [1, 2]}, "feature 'age'.*categories"),
            (2, {"categories": None}, "feature 'training'.*categories"),
            (2, {"categories": []}, "feature 'training'.*categories"),
            (2, {"categories": [0, 1, 1]}, "feature 'training'.*categories.*twice"),
            (2, {"categories": [0, 1, "1"]}, "feature 'training'.*categories.*mixes"),
            (2, {"categories": [0]}, r"rows\.training.*1\.0"),
            (3, {"categories": ["north", "south"]}, r"rows\.region.*west"),
            (1, {"name": "age"}, "features.*twice.*age"),
            (1, {"name": "distance"}, "rows.*features.*distance"),
        ],
    )
    def test_in_a_feature(self, make_document, index, changes, named):
        document = make_document()

        with pytest.raises(ProfileError, match=named):
            parse_profile(encode(make_document(features=with_feature(document, index, **changes))))

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"age": [1.0, 2.0]}, "rows.*lengths.*age 2"),
            ({"age": None}, r"rows"),
            ({"age": ["old"] * 60}, r"rows\.age.*no finite number"),
            ({"weight": [1.0] * 60}, "rows.*weight"),
            ({"region": [1] * 60}, r"rows\.region"),
            ({"region": ["east"] * 60}, r"rows\.region.*east"),
            ({"training": [2] * 60}, r"rows\.training"),
            ({"training": [True] * 60}, r"rows"),
        ],
    )
    def test_in_the_rows(self, make_document, changes, named):
        rows = {**make_document()["rows"], **changes}

        with pytest.raises(ProfileError, match=named):
            parse_profile(encode(make_document(rows=60) | _signed(make_document(), rows=rows)))

    def test_too_few_rows(self, make_document):
        rows = {name: column[:1] for name, column in make_document()["rows"].items()}

        with pytest.raises(ProfileError, match="'rows' holds 1 rows"):
            parse_profile(encode(_signed(make_document(), rows=rows, predictions=None)))

    @pytest.mark.parametrize(
        ("changes", "named"),
        [
            ({"class": ["high"]}, r"predictions\.class.*1 values for 60"),
            ({"confidence": [0.5] * 59}, r"predictions\.confidence.*59 values for 60"),
            ({"class": ["huge"] * 60}, r"predictions\.class.*huge"),
            ({"confidence": ["sure"] * 60}, "predictions.*confidence"),
        ],
    )
    def test_in_the_predictions(self, make_document, changes, named):
        predictions = {**make_document()["predictions"], **changes}

        with pytest.raises(ProfileError, match=named):
            parse_profile(encode(make_document(predictions=predictions)))


@pytest.mark.parametrize("value", ["NaN", "Infinity", "1e999"])
def test_a_number_that_is_not_finite_is_refused(make_document, value):
    text = json.dumps(make_document()).replace('"rows": {"age": [', f'"rows": {{"age": [{value}, ', 1)

    with pytest.raises(ProfileError):
        parse_profile(text.encode())


@pytest.mark.parametrize(
    "document", [b"", b"{", b"[]", b"null", b"\xff\xfe", b"[" * 100_000], ids=lambda text: text[:6]
)
def test_what_is_no_profile(document):
    with pytest.raises(ProfileError):
        parse_profile(document)


def test_errors_name_the_file(tmp_path):
    path = tmp_path / "profile.json"
    with pytest.raises(ProfileError, match=r"profile\.json: cannot be read: No such file"):
        load_profile(path)

    path.write_text("{}")
    with pytest.raises(ProfileError, match=r"profile\.json: .*format"):
        load_profile(path)


def _signed(document, **changes):
    changed = {**document, **changes}
    return {**changed, "digest": canonical_digest(changed)}
